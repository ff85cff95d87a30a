"""The row that call-centre software reads: each entity's latest prediction, one read, one JSON."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from stores.connection import HBaseStore
from stores.keys import entity_of, row_key
from stores.tables import LATEST


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


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction as stored in `p:latest`; times are UTC.

    `score` is a probability in [0, 1]. `scored_at` is the broker's time of arrival of the event
    that was scored: a replay repeats it, so the row's bytes never depend on when a worker ran.
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
    """Reads latest predictions over one open connection.

    >>> with reader(store, "churn") as predictions:
    ...     predictions.latest("7590-VHVEG")
    """

    connection: Any
    scenario: str

    def latest(self, entity: str) -> Prediction | None:
        """The entity's latest prediction, or None when there is none yet."""
        cell = self._table.row(row_key(entity), columns=[LATEST]).get(LATEST)
        return None if cell is None else _decode(cell)

    def latest_many(self, entities: Sequence[str]) -> Mapping[str, Prediction]:
        """Entity → latest prediction in one call; entities without one are left out."""
        keys = [row_key(entity) for entity in entities]
        found = self._table.rows(keys, columns=[LATEST])
        return {entity_of(key): _decode(cells[LATEST]) for key, cells in found}

    def scan(self, *, band: str | None = None) -> Iterator[Prediction]:
        """All latest predictions in row-key order, or those of one band."""
        for _, cells in self._table.scan(columns=[LATEST], batch_size=1000):
            prediction = _decode(cells[LATEST])
            if band is None or prediction.band == band:
                yield prediction

    @property
    def _table(self) -> Any:
        return self.connection.table(self.scenario)


@contextmanager
def reader(store: HBaseStore, scenario: str) -> Iterator[PredictionReader]:
    """A reader for a block of reads; raises `StoreDown` when HBase does not answer."""
    with store.open() as connection:
        yield PredictionReader(connection, scenario)
