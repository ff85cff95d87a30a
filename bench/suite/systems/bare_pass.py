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


def put_only(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings
) -> Iterator[pa.RecordBatch]:
    """Put the last row of every customer, publish every event as it came."""
    table = _table(settings)
    for arrow in joined(batches, most_rows=settings.batch_rows):
        batch = batch_of(arrow)
        rows = last_rows(batch, f"{settings.scenario}.events")
        position = stamp(settings.epoch, batch.last)
        entities, documents = [customer for customer, _ in rows], [row for _, row in rows]
        table.write(entities, [b""] * len(rows), documents, position=position)
        table.write_marker(
            Marker(partition=batch.partition, epoch=settings.epoch, offset=batch.last),
            position=position,
        )
        output = Output()
        keys, values = ByteColumn.of(batch.records.keys), ByteColumn.of(batch.records.values)
        output.add_many(f"{settings.scenario}.predictions", keys, values)
        yield from output.table().to_batches(max_chunksize=ARROW_ROWS)


def warm_up(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings, seconds: float
) -> Iterator[pa.RecordBatch]:
    """Open the connection, and wait so that another task meets another worker."""
    _table(settings)
    time.sleep(seconds)
    yield from batches


def _table(settings: PassSettings) -> StateTable:
    def make() -> StateTable:
        session = Session(settings.store, retry_seconds=settings.retry_seconds)
        return StateTable(session, settings.scenario)

    return cached("bare table", settings, make)


BARE = PassKind(name="putting", process=put_only, warm_up=warm_up)
