"""The row that call-centre software reads: each entity's latest prediction, one read, one JSON."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from stores.hbase.connection import HBaseStore, Session
from stores.hbase.keys import entity_of, row_key
from stores.hbase.tables import LATEST


class Reason(msgspec.Struct, frozen=True):
    """Why the score is what it is: feature code, business words, direction and value."""

    code: str
    text: str
    direction: str
    value: float | str | None


class Model(msgspec.Struct, frozen=True):
    """The model version that scored."""

    name: str
    version: str


class Source(msgspec.Struct, frozen=True):
    """The Kafka position of the event that was scored."""

    topic: str
    partition: int
    offset: int


class SecondStageFinding(msgspec.Struct, frozen=True):
    """The answer to a scenario's second question, and the probability of its positive answer."""

    name: str
    finding: str
    probability: float | None

    @property
    def words(self) -> str:
        """The answer with its probability, for people."""
        if self.probability is None:
            return self.finding
        return f"{self.finding} (probability {self.probability:.2f})"


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prediction as stored in `p:latest`; times are UTC.

    `score` is a probability in [0, 1]. `scored_at` is the broker's time of arrival of the event
    that was scored: a replay repeats it, so the row's bytes never depend on when a worker ran.
    `second_stage` and `attachments` (field → reference of the content, see
    features/attachments.py) are left out where a scenario has none.
    How old a row is and whether it may still be acted upon depend on when it is read, so both
    methods take the current time.
    """

    prediction_id: str
    entity: str
    score: float
    band: str
    reasons: list[Reason]
    action: str
    review: bool
    control_group: bool
    scored_at: datetime
    event_time: datetime
    features_as_of: datetime
    valid_until: datetime
    model: Model
    source: Source
    second_stage: SecondStageFinding | None = None
    attachments: dict[str, str] = {}

    def age_seconds(self, now: datetime) -> float:
        """Seconds from `features_as_of`, the newest event in the score, to `now`.

        0 when that event is dated after `now`, which a producer's clock may do.
        """
        return max((now - self.features_as_of).total_seconds(), 0.0)

    def is_stale(self, now: datetime) -> bool:
        """Whether the row is past `valid_until`: an action taken on it has no ground any more.

        A row can also be stale because newer events wait to be scored; that takes a look at Kafka,
        which a read of one row leaves out: see `streaming.position.staleness`.
        """
        return now >= self.valid_until


_PAGE_ROWS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode = msgspec.json.Decoder(Prediction).decode
_encode = msgspec.json.Encoder().encode


def utc(epoch_ms: int) -> datetime:
    """UTC time of epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def row_document(prediction: Prediction) -> bytes:
    """The cell `p:latest`."""
    return _encode(prediction)


@dataclass
class PredictionReader:
    """Reads latest predictions; a connection that broke or was closed while idle is opened again.

    >>> with reader(store, "churn") as predictions:
    ...     predictions.latest("7590-VHVEG")

    Each read raises `StoreDown` when HBase stays away, `TableMissing` for an unknown scenario. For
    threads and forks see `Session`.
    """

    session: Session
    scenario: str

    def latest(self, entity: str) -> Prediction | None:
        """The entity's latest prediction, or None when there is none yet."""
        key = row_key(entity)

        def get(connection: Any) -> Any:
            return connection.table(self.scenario).row(key, columns=[LATEST]).get(LATEST)

        cell = self.session.call(get)
        return None if cell is None else _decode(cell)

    def latest_many(self, entities: Sequence[str]) -> Mapping[str, Prediction]:
        """Entity → latest prediction in one call; entities without one are left out."""
        keys = [row_key(entity) for entity in entities]

        def get(connection: Any) -> Any:
            return connection.table(self.scenario).rows(keys, columns=[LATEST])

        return {entity_of(key): _decode(cells[LATEST]) for key, cells in self.session.call(get)}

    def scan(self, *, band: str | None = None) -> Iterator[Prediction]:
        """All latest predictions in row-key order, or those of one band.

        Read by pages, each a call of its own: it may take as long as the caller likes, and a lost
        connection costs no row.
        """
        start = b""
        while page := self.session.call(partial(self._page, start=start)):
            for _, cells in page:
                prediction = _decode(cells[LATEST])
                if band is None or prediction.band == band:
                    yield prediction
            start = page[-1][0] + b"\0"  # the smallest key after it

    def _page(self, connection: Any, *, start: bytes) -> list[Any]:
        rows = connection.table(self.scenario).scan(
            row_start=start, columns=[LATEST], batch_size=_PAGE_ROWS, limit=_PAGE_ROWS
        )
        return list(rows)


@contextmanager
def reader(
    store: HBaseStore, scenario: str, *, retry_seconds: float = 10.0
) -> Iterator[PredictionReader]:
    """A reader for a block of reads, however long it lasts.

    A call during which HBase goes away is repeated for `retry_seconds`, then raises `StoreDown`;
    so does the block's beginning.
    """
    session = Session(store, retry_seconds=retry_seconds)
    try:
        session.call(lambda _: None)  # connects
        yield PredictionReader(session, scenario)
    finally:
        session.close()
