"""The least that a micro-batch can do: a pass that only puts rows and publishes.

Nothing is decoded, folded, scored or explained and no state is read; each customer's row is the
position of the last event, and the marker says that it is there.
"""

import time
from collections.abc import Iterator

import msgspec
import pyarrow as pa

from features.byte_column import ByteColumn
from stores.hbase.connection import Session
from stores.hbase.predictions import Source
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker, StateTable
from streaming.passes.batches import Batch, batch_of
from streaming.passes.joined_batches import ARROW_ROWS, joined
from streaming.passes.kind import PassKind
from streaming.passes.output import Output
from streaming.passes.settings import PassSettings
from streaming.passes.worker_cache import cached


class Row(msgspec.Struct):
    """All that a reader of positions needs."""

    source: Source


def last_rows(batch: Batch, topic: str) -> list[tuple[str, bytes]]:
    """(customer, row of the last event), one per customer of the batch."""
    records = batch.records
    last = dict(zip(records.keys, records.offsets.tolist(), strict=True))
    return [
        (key.decode(), msgspec.json.encode(Row(Source(topic, batch.partition, offset))))
        for key, offset in last.items()
        if key is not None
    ]


class BarePass:
    """Puts the last row of every customer, publishes every event as it came."""

    def __init__(self, settings: PassSettings) -> None:
        self._settings = settings
        session = Session(settings.store, retry_seconds=settings.retry_seconds)
        self._table = StateTable(session, settings.scenario)

    def prepare(self) -> None:
        """There is nothing to load."""

    def tables(self, batch: Batch) -> Iterator[pa.Table]:
        """What came, once its rows are put."""
        settings = self._settings
        rows = last_rows(batch, f"{settings.scenario}.events")
        position = stamp(settings.epoch, batch.last)
        entities, documents = [customer for customer, _ in rows], [row for _, row in rows]
        self._table.write(entities, [b""] * len(rows), documents, position=position)
        marker = Marker(partition=batch.partition, epoch=settings.epoch, offset=batch.last)
        self._table.write_marker(marker, position=position)
        output = Output()
        keys, values = ByteColumn.of(batch.records.keys), ByteColumn.of(batch.records.values)
        output.add_many(f"{settings.scenario}.predictions", keys, values)
        yield output.table()


def put_only(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings
) -> Iterator[pa.RecordBatch]:
    """The bare pass over the Arrow batches of one task, for `mapInArrow`."""
    opened = _pass(settings)
    for arrow in joined(batches, most_rows=settings.batch_rows):
        for table in opened.tables(batch_of(arrow)):
            yield from table.to_batches(max_chunksize=ARROW_ROWS)


def warm_up(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings, seconds: float
) -> Iterator[pa.RecordBatch]:
    """Open the connection, and wait so that another task meets another worker."""
    _pass(settings)
    time.sleep(seconds)
    yield from batches


def _pass(settings: PassSettings) -> BarePass:
    return cached("bare pass", settings, lambda: BarePass(settings))


BARE = PassKind(name="putting", process=put_only, warm_up=warm_up, opened=_pass)
