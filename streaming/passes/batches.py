"""Arrow batches of Kafka records as the pass takes them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from features.events.arrow_records import records_of
from features.events.decode import Records

# A column that real-time mode adds to the records; only its first value counts.
PUBLISHED_UPTO = "published_upto"


@dataclass(frozen=True)
class Batch:
    """Records of one topic partition in offset order; never empty.

    after: offset of the record that the same reader returned just before these, None where it began
    with them. Offsets in between hold no readable record: the reader has skipped them.
    published_upto: before this offset all messages of the partition are on their topics, as far as
    the reader knows; -1: it does not know.
    """

    records: Records
    partition: int
    after: int | None = None
    published_upto: int = -1

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return int(self.records.offsets[0])

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return int(self.records.offsets[-1])

    def between(self, begin: int, end: int) -> "Batch":
        """The records from row `begin` up to row `end` as a batch of their own."""
        after = int(self.records.offsets[begin - 1]) if begin else self.after
        return replace(self, records=self.records.between(begin, end), after=after)


def batches_of(arrows: Iterable[pa.RecordBatch]) -> Iterator[Batch]:
    """The batches of one task, which reads one partition from one offset on."""
    after = None
    for arrow in arrows:
        batch = replace(batch_of(arrow), after=after)
        yield batch
        after = batch.last


def batch_of(arrow: pa.RecordBatch) -> Batch:
    """The batch in Arrow columns `RECORD_COLUMNS`.

    Raises `ValueError` when it mixes partitions: Spark's Kafka source gives one per task.
    """
    partitions = pc.unique(arrow.column("partition")).to_pylist()
    if len(partitions) != 1:
        raise ValueError(f"an Arrow batch holds Kafka partitions {partitions}, expected one")
    published_upto = -1
    if PUBLISHED_UPTO in arrow.schema.names:
        published_upto = arrow.column(PUBLISHED_UPTO)[0].as_py()
    return Batch(records_of(arrow), partitions[0], published_upto=published_upto)
