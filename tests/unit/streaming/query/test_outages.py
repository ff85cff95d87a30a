"""A service that goes away is one log line, its return another; a slow answer is none."""

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from stores.hbase.connection import HBaseStore
from stores.kafka.cluster import KafkaCluster
from streaming.query.outages import GatewayProbe, KafkaProbe, Outage, Watcher

BEGAN = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Two seconds pass between two looks at it."""

    looks: int = -1

    def __call__(self) -> datetime:
        self.looks += 1
        return BEGAN + timedelta(seconds=2 * self.looks)


@dataclass
class Script:
    """A service that answers ("+") or not ("-"), one sign per question."""

    signs: Iterator[str]
    name: str = "HBase at h:1"
    meanwhile: str = "workers wait"

    def ask(self) -> None:
        if next(self.signs) == "-":
            raise TimeoutError("no answer\nand more")


def lines_of(signs: str) -> list[str]:
    outage, clock = Outage(Script(iter(signs))), Clock()
    return [line for _ in signs if (line := outage.look(now=clock)) is not None]


def test_an_outage_makes_two_lines_with_its_beginning_and_its_length() -> None:
    assert lines_of("++-----++++") == [
        "HBase at h:1 has not answered since 2026-11-28T05:00:08Z (TimeoutError: no answer): "
        "workers wait",
        "HBase at h:1 answers again, 12 s after 2026-11-28T05:00:08Z",
    ]


@pytest.mark.parametrize("signs", ["+-+-+-+-+", "++++", "-+", ""])
def test_single_failures_make_no_line(signs: str) -> None:
    assert lines_of(signs) == []


def test_a_single_answer_within_an_outage_does_not_end_it() -> None:
    lines = lines_of("--+-+-++")
    assert ["has not answered" in line for line in lines] == [True, False]


def test_what_cannot_be_asked_is_not_said_to_be_away() -> None:
    gateway = Outage(Script(iter("---"), name="gateway"))
    hbase = Outage(Script(iter(""), name="HBase"), needs=(gateway,))
    clock = Clock()
    for _ in range(3):
        gateway.look(now=clock)
        assert hbase.look(now=clock) is None


def test_the_line_of_the_return_says_how_much_waits() -> None:
    lines: list[str] = []
    kafka = KafkaProbe(KafkaCluster("k:1"), ["t"], ends={("t", 0): 120, ("t", 1): 7, ("u", 0): 9})
    watcher = Watcher(kafka, [Outage(Script(iter("--++")))], lines.append, now=Clock())
    for _ in range(4):
        watcher.look(lambda: {("t", 0): 100, ("t", 1): 7})
    assert len(lines) == 2
    assert lines[1].endswith("; 20 events wait")
    kafka.ends = None
    watcher = Watcher(kafka, [Outage(Script(iter("--++")))], lines.append, now=Clock())
    for _ in range(4):
        watcher.look(lambda: {("t", 0): 100})
    assert lines[-1].endswith("; how many events wait is not known")


def test_a_gateway_that_nobody_listens_for_is_away_and_named_by_address() -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        probe = GatewayProbe(HBaseStore("127.0.0.1", port))
        probe.ask()
    with pytest.raises(OSError, match="refused"):
        probe.ask()
    assert probe.name == f"HBase's Thrift gateway 127.0.0.1:{port}"
    with pytest.raises(OSError, match="refused"):
        KafkaProbe(KafkaCluster(f"127.0.0.1:{port}"), ["t"]).ask()
