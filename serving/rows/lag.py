"""How far a stream is behind, asked for in the background: no read of a row waits for Kafka."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread

from stores.hbase.connection import StoreDown, TableMissing
from stores.kafka.errors import KafkaDown, TopicMissing
from streaming.position.staleness import StreamLag

_UNKNOWN = (StoreDown, TableMissing, KafkaDown, TopicMissing)


def in_background(work: Callable[[], None]) -> None:
    """Call `work` in a thread of its own, which ends with the process."""
    Thread(target=work, name="stream lag", daemon=True).start()


@dataclass
class LagWatch:
    """The lag of one stream, at most `reread_seconds` old while somebody asks for it.

    read            asks Kafka and HBase, which takes some milliseconds to seconds
    limit_seconds   events that wait for longer make rows stale
    begin           calls a function without waiting for it
    forget_seconds  a lag that could not be read for so long is not known any more: then rows are
                    stale by their own `valid_until` only, and `problem` says why
    """

    read: Callable[[], StreamLag]
    limit_seconds: float
    reread_seconds: float = 5.0
    forget_seconds: float = 30.0
    clock: Callable[[], float] = time.monotonic
    begin: Callable[[Callable[[], None]], None] = in_background
    _lag: StreamLag | None = None
    _read_at: float = float("-inf")
    _asked_at: float = float("-inf")
    _problem: str | None = None
    _turn: Lock = field(default_factory=Lock, repr=False)

    def current(self) -> StreamLag:
        """The newest known lag, without waiting; a reading begins when it is due."""
        now = self.clock()
        if now - self._asked_at >= self.reread_seconds and self._turn.acquire(blocking=False):
            self._asked_at = now
            self.begin(self._reread_once)
        if self._lag is None or now - self._read_at > self.forget_seconds:
            return StreamLag({}, self.limit_seconds)
        return self._lag

    @property
    def problem(self) -> str | None:
        """Why the lag is not known, or None."""
        if self._lag is None and self._problem is None:
            return "whether the stream is behind has not been asked yet"
        return self._problem

    @property
    def failure(self) -> str | None:
        """Why the last question had no answer; None also before the first one."""
        return self._problem

    def _reread_once(self) -> None:
        try:
            self._lag, self._read_at, self._problem = self.read(), self.clock(), None
        except _UNKNOWN as error:
            self._problem = f"whether the stream is behind is not known: {error}"
        finally:
            self._turn.release()
