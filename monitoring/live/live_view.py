"""A terminal view of a running stream: what came in, what came of it, and how fast."""

import time
from collections import deque
from dataclasses import dataclass, field

from rich.panel import Panel
from rich.table import Table

from monitoring.live.counts import TopicCounter, row_count
from monitoring.live.latency_probe import LatencyProbe
from reports.terminal import plain
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.records.control import load_failures
from stores.records.epochs import read_epoch

_RATE_SECONDS = 5.0
_ROWS_EVERY_SECONDS = 3.0


@dataclass
class LiveView:
    """Collects figures and draws them; `panel` is called a few times a second."""

    title: str
    scenario: str
    store: HBaseStore
    counter: TopicCounter
    probe: LatencyProbe
    _history: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=100))
    _rows: int = 0
    _failure: str = "none"
    _unscorable: str = "0"
    _rows_at: float = 0.0

    def __post_init__(self) -> None:
        self._session = Session(self.store, retry_seconds=5.0)

    def panel(self, note: str = "") -> Panel:
        """The current figures as a panel; `note` is its last line."""
        counts = self.counter.counts()
        outcomes = counts["predictions"] + counts["dead-letter"]
        self._history.append((time.monotonic(), outcomes))
        self._look_at_store()
        waiting = self._waiting()
        table = Table.grid(padding=(0, 3))
        table.add_row("events in", f"{counts['events']:,}", "waiting", f"{waiting:,}")
        table.add_row(
            "scored", f"{counts['predictions']:,}", "dead-lettered", f"{counts['dead-letter']:,}"
        )
        table.add_row(
            "rate", f"{self._rate():,.0f} events/s", "for review", f"{counts['review']:,}"
        )
        table.add_row("event → readable row", self._latency(), "rows in HBase", f"{self._rows:,}")
        table.add_row("failed model loads", self._failure, "unscorable lately", self._unscorable)
        return Panel(table, title=plain(self.title), subtitle=plain(note), expand=False)

    def _waiting(self) -> int:
        """Events behind the markers of the current epoch; messages may be of an earlier topic."""
        record = read_epoch(self._session, self.scenario)
        states = StateTable(self._session, self.scenario)
        waiting = 0
        for partition, (first, end) in self.counter.offsets("events").items():
            marker = states.newest_marker(partition)
            upto = record.first_offsets.get(partition, first) if record else first
            if record and marker and marker.epoch == record.epoch:
                upto = marker.offset + 1
            waiting += max(end - max(upto, first), 0)
        return waiting

    def _rate(self) -> float:
        now, last = self._history[-1]
        since = next((e for e in self._history if now - e[0] <= _RATE_SECONDS), self._history[0])
        return (last - since[1]) / (now - since[0]) if now > since[0] else 0.0

    def _latency(self) -> str:
        latencies = self.probe.percentiles((50, 99), last_seconds=15.0)
        if not latencies:
            return "-"
        return f"p50 {latencies[0] * 1000:.0f} ms, p99 {latencies[1] * 1000:.0f} ms"

    def _look_at_store(self) -> None:
        if time.monotonic() - self._rows_at < _ROWS_EVERY_SECONDS:
            return
        self._rows_at = time.monotonic()
        self._rows = row_count(self.store, self.scenario)
        count, failure = load_failures(self._session, self.scenario)
        self._unscorable = f"{self._unscorable_lately(self._session):,}"
        self._failure = f"{count}: {failure.message[:60]}" if failure and count else "none"

    def _unscorable_lately(self, session: Session) -> int:
        """Events of the last batches (as many as are stored) that could not be judged."""
        table = StateTable(session, self.scenario)
        partitions = self.counter.partitions("events")
        histories = [table.kept_markers(partition).markers for partition in partitions]
        return sum(marker.unscorable for history in histories for _, marker in history)
