"""A stable share of the entities, selected by hash, so that a check of a part can be repeated."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from scenarios.contract.shares import is_in_share


@dataclass(frozen=True, kw_only=True)
class EntityShare:
    """The entities whose hash under `salt` lies below `share` (0 to 1); 1 takes all."""

    share: float
    salt: str

    def of(self, records: DataFrame) -> DataFrame:
        """The rows of `records` whose `key` (entity id in UTF-8) belongs to the share."""
        if self.share >= 1.0:
            return records
        return records.mapInArrow(self, records.schema)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches with a column `key` to the rows that belong to the share."""
        for batch in batches:
            keys = batch.column("key").to_pylist()
            yield batch.filter(pc.equal(pa.array([self._holds(key) for key in keys]), True))

    def _holds(self, key: bytes | None) -> bool:
        # Bytes that are no text are no entity: such events are dead letters.
        entity = None if key is None else key.decode("utf-8", "ignore")
        return bool(entity) and is_in_share(str(entity), self.share, salt=self.salt)
