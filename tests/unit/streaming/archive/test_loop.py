"""The archive waits for a service that is away, and stops at once when waiting cannot help."""

from dataclasses import dataclass, field

import pytest

from stores.kafka.errors import KafkaDown
from streaming.archive.loop import archive_for_ever
from streaming.archive.table import AnotherArchiver


class Enough(BaseException):
    """Ends the endless loop of a test."""


@dataclass
class Script:
    """An archiver that does what the script says, one entry per call."""

    outcomes: list[int | Exception]
    forgotten: int = 0
    pauses: list[float] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def catch_up(self) -> int:
        if not self.outcomes:
            raise Enough
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def forget_positions(self) -> None:
        self.forgotten += 1

    def run(self, *, faults_in_a_row: int = 3) -> None:
        archive_for_ever(
            self,
            interval_seconds=10.0,
            faults_in_a_row=faults_in_a_row,
            log=self.lines.append,
            sleep=self.pauses.append,
        )


def test_a_service_that_is_away_is_waited_for_with_growing_pauses() -> None:
    script = Script([KafkaDown("Kafka k:9092 does not answer"), RuntimeError("Spark says so"), 7])
    with pytest.raises(Enough):
        script.run()
    assert script.forgotten == 2
    assert [round(pause) for pause in script.pauses] == [20, 40, 10]
    assert script.lines[0] == (
        "KafkaDown: Kafka k:9092 does not answer; attempt 2 goes on where the tables end"
    )


def test_a_refusal_ends_it_at_once() -> None:
    script = Script([AnotherArchiver("another archiver has written batch 7")])
    with pytest.raises(AnotherArchiver):
        script.run()
    assert (script.forgotten, script.pauses) == (0, [])


def test_a_fault_that_stays_is_raised_in_the_end() -> None:
    script = Script([RuntimeError("again")] * 3)
    with pytest.raises(RuntimeError, match="again"):
        script.run(faults_in_a_row=2)
    assert script.forgotten == 2


def test_without_spark_there_is_nothing_to_wait_for() -> None:
    script = Script([ConnectionRefusedError("py4j")])
    with pytest.raises(ConnectionRefusedError):
        script.run()
