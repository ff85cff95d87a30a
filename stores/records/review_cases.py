"""Cases that people review: a row each in HBase's review table, changed by compare-and-set only.

A case is one cell. Beside it stands a mark for as long as something is left to do with the case:
until its last opinion is published. So the queue reads the marks and never the whole history, and
a process that dies between two steps leaves a mark behind, by which the next one finishes.

The table holds, too, how far the topic of cases was read: both are lost together, and are filled
again together.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

import msgspec

from stores.hbase.compare_and_set import compare_and_set
from stores.hbase.connection import Session
from stores.hbase.predictions import Prediction, Source
from stores.hbase.stamps import stamp
from stores.hbase.tables import REVIEW
from stores.records.erasures import Erasure

CASE, UNFINISHED = b"c:case", b"o:unfinished"
_POSITION, _LETTERS, _CLOCK = b"c:position", b"c:position-dead-letter", b"c:clock"
_PAGE_ROWS = 1000
_LOOK_AT_CLOCK_SECONDS = 10.0
_CLOCK_COUNTS_SECONDS = 60.0

# Why a case was sent.
RULE, DISAGREEMENT, MISSING_FEATURES, RANDOM = (
    "rule",
    "disagreement",
    "missing_features",
    "random",
)
# Alone: the event has no prediction.
NOT_ANALYSED = "not_analysed"
# Ends the id of a case without a prediction; a prediction's id ends with its version.
REFUSED_ENDING = "-refused"


class OtherVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the version decided that is compared with the one whose verdict is used."""

    version: str
    score: float
    band: str


class Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a case was sent to review.

    because     `RULE`, `DISAGREEMENT`, `MISSING_FEATURES`, `RANDOM`: all that apply; or
                `NOT_ANALYSED`
    propensity  with which probability such a case is sent: 1 but for the random ones
    other       of a disagreement
    """

    because: tuple[str, ...]
    propensity: float
    other: OtherVerdict | None = None


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that has no prediction: what its dead letter says of it.

    case_id      SCENARIO-EPOCH-PARTITION-OFFSET-refused
    entity       its key as text; "" without one
    attachments  field → what the event's field holds (a reference, or the content itself), of those
                 that can be shown
    """

    case_id: str
    entity: str
    reason_code: str
    reason: str
    arrived_ms: int
    source: Source
    attachments: dict[str, str] = {}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who reviews a case now; `token` tells two claims of one person apart."""

    reviewer: str
    token: str
    until_ms: int


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer found.

    token     of the claim under which it was given
    is_final  no further opinion was wanted then
    """

    reviewer: str
    verdict: str
    at_ms: int
    note: str = ""
    token: str = ""
    is_final: bool = True


class ReviewCase(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction that people review, or an event that has none.

    prediction        None where `refused` says why there is none
    features          of the prediction, null where missing; empty where nobody needs them
    arrived_ms        when Kafka had it, UTC epoch ms; due_ms: until when it should be decided
    claim             also one that has expired: see `claimed_by`
    assignee          the only one who may claim it; "": everybody
    opinions          in the order in which they were given; `opinions_wanted` ends the review
    published         how many of the opinions Kafka has
    """

    scenario: str
    prediction: Prediction | None
    sent: Sent
    arrived_ms: int
    due_ms: int
    refused: RefusedEvent | None = None
    features: tuple[float | None, ...] = ()
    claim: Claim | None = None
    snoozed_until_ms: int = 0
    assignee: str = ""
    opinions: tuple[Opinion, ...] = ()
    opinions_wanted: int = 1
    published: int = 0

    def __post_init__(self) -> None:
        if (self.prediction is None) == (self.refused is None):
            raise ValueError("a case has either a prediction or a refused event")

    @property
    def _about(self) -> Prediction | RefusedEvent:
        about = self.prediction if self.refused is None else self.refused
        if about is None:
            raise ValueError("a case has either a prediction or a refused event")
        return about

    @property
    def id(self) -> str:
        """The prediction's id, or that of the refused event."""
        about = self._about
        return about.case_id if isinstance(about, RefusedEvent) else about.prediction_id

    @property
    def entity(self) -> str:
        """Whom it is about; "" where a refused event does not say."""
        return self._about.entity

    @property
    def source(self) -> Source:
        """The position of the event."""
        return self._about.source

    @property
    def attachments(self) -> Mapping[str, str]:
        """Field → reference, or the content itself; of a refused event what can be shown."""
        return self._about.attachments

    @property
    def epoch(self) -> int:
        """That of the event; 0 where the id does not name it."""
        text = self.id.removeprefix(f"{self.scenario}-").partition("-")[0]
        return int(text) if text.isdecimal() else 0

    def is_covered(self, erasure: Erasure) -> bool:
        """Whether it is about an event from before the customer's erasure."""
        about = self._about
        if isinstance(about, RefusedEvent):
            event_ms = about.arrived_ms
        else:
            event_ms = round(about.event_time.timestamp() * 1000)
        return erasure.covers(
            partition=about.source.partition,
            position=stamp(self.epoch, about.source.offset),
            event_ms=event_ms,
        )

    @property
    def is_decided(self) -> bool:
        """Whether all opinions that are wanted were given."""
        return len(self.opinions) >= self.opinions_wanted

    @property
    def is_finished(self) -> bool:
        """Whether it is decided and Kafka has every opinion."""
        return self.is_decided and self.published >= len(self.opinions)

    def claimed_by(self, now_ms: int) -> str:
        """Who holds it now; "" when nobody does."""
        return self.claim.reviewer if self.claim and self.claim.until_ms > now_ms else ""


@dataclass(frozen=True)
class StoredCase:
    """A case with the bytes of its cell, which a change must find."""

    cell: bytes
    case: ReviewCase


class TopicPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far the topic of cases was read.

    next     partition → the offset that comes next
    refused  records that are no case, since the topic was created
    """

    topic_id: str
    next: Mapping[int, int]
    refused: int = 0


@dataclass
class StoreClock:
    """HBase's own time, the one clock by which claims end, whatever the machines' clocks say.

    It is asked every ten seconds; the answer that took least time in the last minute counts
    (Cristian 1989). The clock is never ahead of HBase's, and behind it by that time at most, some
    milliseconds: so no claim is taken over early, but by the difference of two such times.
    """

    monotonic: Callable[[], float] = time.monotonic
    _ahead_ms: float = 0.0
    _round_trip: float = float("inf")
    _counts_since: float = float("-inf")
    _asked_at: float = float("-inf")
    _turn: Lock = field(default_factory=Lock, repr=False)

    def now_ms(self, session: Session, scenario: str) -> int:
        """UTC epoch milliseconds of the server that has the row; raises as `Session.call`."""
        with self._turn:
            if self.monotonic() - self._asked_at > _LOOK_AT_CLOCK_SECONDS:
                is_first = self._asked_at == float("-inf")
                for _ in range(3 if is_first else 1):
                    self._ask(session, f"{scenario};clock".encode())
            return round(self.monotonic() * 1000 + self._ahead_ms)

    def _ask(self, session: Session, row: bytes) -> None:
        before = self.monotonic()
        stamped_ms = session.call(partial(_clock_stamp, row=row))
        self._asked_at = self.monotonic()
        round_trip = self._asked_at - before
        is_old = self._asked_at - self._counts_since > _CLOCK_COUNTS_SECONDS
        if round_trip < self._round_trip or is_old:
            self._ahead_ms = stamped_ms - self._asked_at * 1000
            self._round_trip, self._counts_since = round_trip, self._asked_at


def _clock_stamp(connection: Any, *, row: bytes) -> int:
    table = connection.table(REVIEW)
    table.put(row, {_CLOCK: b""})
    cells = table.row(row, columns=[_CLOCK], include_timestamp=True)
    return int(cells[_CLOCK][1])


@dataclass(frozen=True)
class CaseTable:
    """The cases of `scenario`; every call raises `StoreDown` or `TableMissing`.

    clock   shared by all tables of a process
    """

    session: Session
    scenario: str
    clock: StoreClock = field(default_factory=StoreClock)

    def now_ms(self) -> int:
        """The time by which claims end, UTC epoch ms."""
        return self.clock.now_ms(self.session, self.scenario)

    def unfinished(self) -> list[StoredCase]:
        """The cases with which something is left to do, by id."""
        return [*self.read([case_id for case_id, _ in self._marks()]).values()]

    def read(self, ids: Sequence[str]) -> dict[str, StoredCase]:
        """Id → case; those that do not exist are left out."""
        cases: dict[str, StoredCase] = {}
        for begin in range(0, len(ids), _PAGE_ROWS):
            keys = [self._key(case_id) for case_id in ids[begin : begin + _PAGE_ROWS]]
            for _, cells in self.session.call(partial(_rows, keys=keys)):
                stored = _stored(cells[CASE])
                cases[stored.case.id] = stored
        return cases

    def all(self) -> Iterator[ReviewCase]:
        """Every case, also the decided ones, by id; read by pages, so it may take its time."""
        start = self._prefix
        while page := self.session.call(partial(self._page, start=start, column=CASE)):
            yield from (_stored(cells[CASE][0]).case for _, cells in page)
            start = page[-1][0] + b"\0"

    def add(self, cases: Sequence[ReviewCase]) -> int:
        """Store those of `cases` that are new and return how many these are; idempotent."""
        existing = self.read([case.id for case in cases])
        new = [case for case in cases if case.id not in existing]
        if new:
            self._mark([case.id for case in new])
        return sum(self._swap(case.id, None, msgspec.json.encode(case)) for case in new)

    def replace(self, before: StoredCase, after: ReviewCase) -> StoredCase | None:
        """Write `after` where `before` stands; None: somebody has changed the case meanwhile."""
        cell = msgspec.json.encode(after)
        return StoredCase(cell, after) if self._swap(after.id, before.cell, cell) else None

    def reopen(self, before: StoredCase, after: ReviewCase) -> StoredCase | None:
        """`replace` of a case that may be finished: it is unfinished afterwards."""
        self._mark([after.id])
        stored = self.replace(before, after)
        self._mark([after.id])  # `finish` may have removed the first one
        return stored

    def finish(self) -> int:
        """Remove the marks of finished cases; returns how many."""
        marks = dict(self._marks())
        cases = self.read([*marks])
        over = {
            case_id: marked_at
            for case_id, marked_at in marks.items()
            if case_id in cases and cases[case_id].case.is_finished
        }
        for case_id, marked_at in over.items():
            self.session.call(partial(_delete_mark, row=self._key(case_id), marked_at=marked_at))
        again = [case_id for case_id, s in self.read([*over]).items() if not s.case.is_finished]
        if again:
            self._mark(again)
        return len(over) - len(again)

    def of_entities(self, entities: Sequence[str]) -> list[ReviewCase]:
        """The cases of `entities`."""
        wanted = set(entities)
        return [case for case in self.all() if case.entity in wanted]

    def delete(self, ids: Sequence[str]) -> None:
        """Delete these cases for good."""
        for case_id in ids:
            self.session.call(partial(_delete_row, row=self._key(case_id)))

    def position(self, *, of_letters: bool = False) -> TopicPosition | None:
        """How far the topic of cases, or that of dead letters, was read; None: not at all yet."""
        column = _LETTERS if of_letters else _POSITION

        def get(connection: Any) -> Any:
            row = connection.table(REVIEW).row(self._position_row, columns=[column])
            return row.get(column)

        cell = self.session.call(get)
        return None if cell is None else msgspec.json.decode(cell, type=TopicPosition)

    def write_position(self, position: TopicPosition, *, of_letters: bool = False) -> None:
        """Store how far the topic was read: after the cases below it."""
        cell = {_LETTERS if of_letters else _POSITION: msgspec.json.encode(position)}
        self.session.call(lambda connection: connection.table(REVIEW).put(self._position_row, cell))

    def _marks(self) -> list[tuple[str, int]]:
        """Id and time stamp of each mark."""
        marks: list[tuple[str, int]] = []
        start = self._prefix
        while page := self.session.call(partial(self._page, start=start, column=UNFINISHED)):
            marks += [(self._id(key), cells[UNFINISHED][1]) for key, cells in page]
            start = page[-1][0] + b"\0"
        return marks

    def _mark(self, ids: Sequence[str]) -> None:
        def put(connection: Any) -> None:
            batch = connection.table(REVIEW).batch()
            for case_id in ids:
                batch.put(self._key(case_id), {UNFINISHED: b""})
            batch.send()

        self.session.call(put)

    def _swap(self, case_id: str, before: bytes | None, after: bytes) -> bool:
        key = self._key(case_id)
        is_written = compare_and_set(self.session, REVIEW, key, CASE, before=before, after=after)
        if is_written:
            return True
        stored = self.read([case_id]).get(case_id)
        return stored is not None and stored.cell == after  # a repeated call finds its own work

    def _page(self, connection: Any, *, start: bytes, column: bytes) -> list[Any]:
        rows = connection.table(REVIEW).scan(
            row_start=start,
            row_stop=self._prefix[:-1] + b";",  # ";" follows ":"
            columns=[column],
            include_timestamp=True,
            batch_size=_PAGE_ROWS,
            limit=_PAGE_ROWS,
        )
        return list(rows)

    def _key(self, case_id: str) -> bytes:
        return self._prefix + case_id.encode()

    def _id(self, key: bytes) -> str:
        return key[len(self._prefix) :].decode()

    @property
    def _prefix(self) -> bytes:
        return f"{self.scenario}:".encode()

    @property
    def _position_row(self) -> bytes:
        return f"{self.scenario};position".encode()


def _rows(connection: Any, *, keys: list[bytes]) -> Any:
    return connection.table(REVIEW).rows(keys, columns=[CASE])


def _delete_mark(connection: Any, *, row: bytes, marked_at: int) -> None:
    # Up to this time only: a mark that was set meanwhile stays.
    connection.table(REVIEW).delete(row, columns=[UNFINISHED], timestamp=marked_at)


def _delete_row(connection: Any, *, row: bytes) -> None:
    # happybase's own delete names families, which the gateway may take for columns without a name.
    connection.client.deleteAllRow(connection.table(REVIEW).name, row, {})


def _stored(cell: bytes) -> StoredCase:
    return StoredCase(cell, msgspec.json.decode(cell, type=ReviewCase))
