"""Connections to HBase for the threads of the web service, opened once and used again."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stores.hbase.connection import HBaseStore, Session


@dataclass(frozen=True)
class SessionPool:
    """Sessions over one store; each is used by one thread at a time.

    store          where HBase's gateway is
    retry_seconds  how long a call is repeated while HBase is away; then it raises `StoreDown`
    """

    store: HBaseStore
    retry_seconds: float = 2.0
    _idle: queue.LifoQueue[Session] = field(default_factory=queue.LifoQueue, repr=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session that no other thread uses meanwhile."""
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = Session(self.store, retry_seconds=self.retry_seconds)
        try:
            yield session
        finally:
            self._idle.put(session)

    def close(self) -> None:
        """Close the idle sessions; one that is opened afterwards works all the same."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return
