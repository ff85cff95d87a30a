"""Events with attachments on their way into the archive: their contents are stored beside it.

What is attached to a valid event is in the attachment table before the event is archived with a
reference in its place; it is decoded as the stream decodes it, so that what the stream refuses is
archived as it came.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
from pyspark.sql import DataFrame

from features.events.arrow_records import records_of
from features.events.decode import EventDecoder, Events, Records
from features.events.partitioners import Layout, Placement
from features.events.references import with_references
from features.schema import EventSchema
from stores.hbase.attachments import AttachmentPlace, AttachmentTable
from streaming.archive.source import COLUMNS
from streaming.passes.attached import stored_attachments
from streaming.passes.worker_cache import cached

# Contents have a megabyte or so: a task holds those of so many records at once.
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class AttachmentArchiving:
    """How attachments are archived; the limits are the stream's, see `EventDecoder`."""

    place: AttachmentPlace
    max_event_bytes: int
    max_future_skew_seconds: float


@dataclass(frozen=True)
class ReferencedRecords:
    """Replaces contents by references in archived rows of a scenario's events; picklable.

    layout: how keys lie on the topic; an event outside its home is refused, and stays as it came
    """

    scenario: str
    schema: EventSchema
    archiving: AttachmentArchiving
    layout: Layout

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows with the columns of `COLUMNS` to the same rows; of some, `value` is shorter.

        Raises `StoreDown`, `TableMissing`.
        """
        decoder, table = cached(f"archive {self.scenario}", self, self._opened)
        for batch in batches:
            for begin in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield self._referenced(batch.slice(begin, _ROWS_AT_ONCE), decoder, table)

    def _opened(self) -> tuple[EventDecoder, AttachmentTable]:
        archiving = self.archiving
        decoder = EventDecoder(
            self.schema,
            max_event_bytes=archiving.max_event_bytes,
            max_future_skew_seconds=archiving.max_future_skew_seconds,
            attachments=archiving.place.source(),
        )
        return decoder, archiving.place.table()

    def _referenced(
        self, batch: pa.RecordBatch, decoder: EventDecoder, table: AttachmentTable
    ) -> pa.RecordBatch:
        values = batch.column("value").to_pylist()
        names = ("partition", "epoch")
        places = list(zip(*(batch.column(name).to_pylist() for name in names), strict=True))
        for (partition, epoch), rows in groupby(range(len(places)), key=places.__getitem__):
            begin, *others = rows
            records = _records(batch.slice(begin, len(others) + 1))
            placement = Placement(layout=self.layout, partition=partition)
            events = decoder.decode(records, placement)
            if not events.attached:
                continue
            attachments = stored_attachments(events, records, partition=partition, epoch=epoch)
            table.put(self.scenario, attachments)
            for row, value in _values(events, records):
                values[begin + row] = value
        columns = [
            pa.array(values, pa.binary()) if name == "value" else batch.column(name)
            for name in batch.schema.names
        ]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def with_stored_attachments(rows: DataFrame, task: ReferencedRecords) -> DataFrame:
    """`rows` of the archive's events with references instead of contents, which are stored."""
    return rows.mapInArrow(task, COLUMNS)


def _records(batch: pa.RecordBatch) -> Records:
    """Archived rows as the decoder takes them: Kafka's time has another name in the archive."""
    names = ["timestamp" if name == "kafka_time" else name for name in batch.schema.names]
    return records_of(batch.rename_columns(names))


def _values(events: Events, records: Records) -> Iterator[tuple[int, bytes]]:
    """Row → the event with references, of those that carry something."""
    for row, attached in groupby(events.attached, key=lambda one: one.row):
        readings = {one.field: one.reading for one in attached}
        yield row, with_references(records.values[row] or b"", readings)
