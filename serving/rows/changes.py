"""Changes of latest rows, for everybody who watches one: a single reader asks for all of them.

The reader asks HBase for all watched rows at once, twice a second, and only while somebody watches.
That costs the same whatever the stream's rate is, and sees every writer of rows: the stream, batch
scoring, a rebuild. A consumer of the predictions topic would read every prediction of everybody:
at the stream's full rate a core of its own, for a handful of watched rows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from serving.rows.latest import LatestRows
from serving.rows.view import RowView
from stores.hbase.connection import StoreDown, TableMissing

_DOWN = (StoreDown, TableMissing)


class NoPlaceLeft(RuntimeError):
    """As many watch already as may; says how many that are."""

    exit_code = 3


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a watched row is now.

    row      None: there is no row
    problem  why it cannot be read at present; then `row` is the one that was read last
    """

    row: RowView | None
    problem: str | None = None

    @property
    def id(self) -> str:
        """Another one for another row, and while the row cannot be read."""
        name = "none" if self.row is None else self.row.change_id
        return name if self.problem is None else f"{name}-down"


@dataclass
class Watch:
    """One watched entity, from the first `Change` on that is not the one with id `seen`."""

    entity: str
    seen: str | None
    _newest: Change | None = None
    _error: BaseException | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self, timeout_seconds: float | None = None) -> Change | None:
        """The newest change that was not returned yet; None when the time is over.

        Who asks slowly gets the newest state of the row, not every one in between. Raises what
        ended the reader, if it was none of the failures that a `Change` reports.
        """
        try:
            await asyncio.wait_for(self._news.wait(), timeout_seconds)
        except TimeoutError:
            return None
        if self._error is not None:
            raise self._error
        self._news.clear()
        if self._newest is not None:
            self.seen = self._newest.id
        return self._newest

    def offer(self, change: Change) -> None:
        """Note what the row is now; wakes whoever waits when that is new."""
        self._newest = change
        if change.id == self.seen:
            self._news.clear()  # it changed, and changed back before anybody asked
        else:
            self._news.set()

    def fail(self, error: BaseException) -> None:
        """Let `next` raise `error`."""
        self._error = error
        self._news.set()


@dataclass
class Changes:
    """The watched rows of one scenario, within one event loop.

    places            how many may watch at the same time
    interval_seconds  how often the rows are read while anybody watches
    """

    latest: LatestRows
    places: int = 200
    interval_seconds: float = 0.5
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _watches: list[Watch] = field(default_factory=list)
    _reader: asyncio.Task[None] | None = None
    _added: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def taken(self) -> int:
        """How many watch now."""
        return len(self._watches)

    @asynccontextmanager
    async def watching(self, entity: str, *, seen: str | None = None) -> AsyncIterator[Watch]:
        """A watch over `entity` for a block; its place is free again at the block's end.

        seen: the id of the change that the caller has already. Raises `NoPlaceLeft`.
        """
        if self.taken >= self.places:
            raise NoPlaceLeft(f"{self.places} watch rows of {self.latest.scenario} already")
        watch = Watch(entity, seen)
        self._watches.append(watch)
        self._added.set()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_on())
            self._reader.add_done_callback(self._ended)
        try:
            yield watch
        finally:
            self._watches.remove(watch)
            if not self._watches and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    def _ended(self, reader: asyncio.Task[None]) -> None:
        if not reader.cancelled() and (error := reader.exception()) is not None:
            for watch in self._watches:
                watch.fail(error)

    async def _read_on(self) -> None:
        rows: dict[str, RowView] = {}
        while True:
            self._added.clear()
            entities = list(dict.fromkeys(watch.entity for watch in self._watches))
            problem = None
            try:
                rows = dict(await asyncio.to_thread(self.latest.many, entities, self.now()))
            except _DOWN as error:
                problem = str(error)
            for watch in list(self._watches):
                if watch.entity in entities:
                    watch.offer(Change(row=rows.get(watch.entity), problem=problem))
            try:  # somebody who begins to watch does not wait for the next turn
                await asyncio.wait_for(self._added.wait(), self.interval_seconds)
            except TimeoutError:
                continue
