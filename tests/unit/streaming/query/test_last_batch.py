"""A stop waits for the current batch, for no other, and not for ever."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from streaming.query.last_batch import finish_batches

BUSY = {"isTriggerActive": True, "isDataAvailable": True}
IDLE = {"isTriggerActive": True, "isDataAvailable": False}  # a trigger that looks for events


@dataclass
class Query:
    """Shows the current batch for `looks` looks; then the next one begins, or none."""

    looks: int
    then: Mapping[str, bool]
    isActive: bool = True

    @property
    def lastProgress(self) -> dict[str, str]:
        self.looks -= 1
        return {"timestamp": "12:00" if self.looks >= 0 else "12:01"}

    @property
    def status(self) -> Mapping[str, bool]:
        return BUSY if self.looks >= 0 else self.then


class Gone:
    """A query whose JVM has ended."""

    @property
    def lastProgress(self) -> None:
        raise ConnectionRefusedError("py4j")


@pytest.mark.parametrize("then", [IDLE, BUSY])
def test_the_batch_at_hand_is_waited_for_and_no_other(then: Mapping[str, bool]) -> None:
    lines: list[str] = []
    short, long = Query(2, then), Query(4, then)
    finish_batches([short, long], seconds=60.0, log=lines.append)
    assert (short.looks < 0, long.looks) == (True, -1)
    assert len(lines) == 1
    assert "within 60 s" in lines[0]


def test_a_batch_that_does_not_end_is_left_to_the_next_start() -> None:
    lines: list[str] = []
    finish_batches([Query(1_000, IDLE)], seconds=0.1, log=lines.append)
    assert lines[-1] == "the current batch did not end: the next start repeats it"


@pytest.mark.parametrize("query", [Query(0, IDLE), Query(9, IDLE, isActive=False), Gone()])
def test_nothing_is_waited_for_or_told_without_a_batch(query: object) -> None:
    lines: list[str] = []
    finish_batches([query], seconds=60.0, log=lines.append)
    assert lines == []
