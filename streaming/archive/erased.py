"""Records of erased entities on their way into the archive: their rows hold only a position.

The rule is the stream's (stores/records/erasures.py): what Kafka still holds of an entity from
before its erasure is never archived again, whenever the archiver reads it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from features.schema import TIME_FIELD
from stores.delta.absent import ERASED
from stores.hbase.stamps import stamp
from stores.records.erasures import ErasedEntities, Erasure
from streaming.archive.source import COLUMNS

# Kind → where its topic ended when the erasure was complete.
_ENDS: Mapping[str, Callable[[Erasure], Mapping[int, int] | None]] = {
    "labels": lambda erasure: erasure.label_ends,
    "outcomes": lambda erasure: erasure.outcome_ends,
    "device-records": lambda erasure: erasure.device_record_ends,
}
_TEXTS = re.compile(rb'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class ErasedRecords:
    """Empties the records of erased entities among archived rows of one kind; picklable.

    id_fields   names of the JSON fields that hold an entity's id
    """

    kind: str
    erased: ErasedEntities
    id_fields: tuple[str, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows with the columns of `COLUMNS` to the same rows, those of erased records emptied."""
        for batch in batches:
            columns = {name: batch.column(name) for name in batch.schema.names}
            is_erased = self._erased(batch)
            if any(is_erased):
                mask = pa.array([not erased for erased in is_erased])
                for name in ("key", "value", "headers"):
                    nothing = pa.nulls(batch.num_rows, columns[name].type)
                    columns[name] = pc.if_else(mask, columns[name], nothing)
                absent = [ERASED if erased else None for erased in is_erased]
                columns["absent"] = pa.array(absent, pa.string())
            yield pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)

    def _erased(self, batch: pa.RecordBatch) -> list[bool]:
        names = ("key", "value", "headers", "partition", "offset", "epoch")
        lists = [batch.column(name).to_pylist() for name in names]
        return [self._is_erased(*row) for row in zip(*lists, strict=True)]

    def _is_erased(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Any,
        partition: int,
        offset: int,
        epoch: int,
    ) -> bool:
        document = _document(value)
        ids = [_text(key), *(document.get(name) for name in self.id_fields)]
        if not document and value:  # malformed as it is, it may name an entity
            ids += [_text(text) for text in _TEXTS.findall(value)]
        erasures = [self.erased.of(record_id) for record_id in ids if isinstance(record_id, str)]
        event_ms = _event_ms(document)
        return any(
            self._covers(erasure, document, headers, (partition, offset, epoch), event_ms)
            for erasure in erasures
            if erasure is not None
        )

    def _covers(
        self,
        erasure: Erasure,
        document: Mapping[str, Any],
        headers: Any,
        place: tuple[int, int, int],
        event_ms: int,
    ) -> bool:
        partition, offset, epoch = place
        if self.kind in _ENDS:
            if erasure.label_ends is None:  # it has not come so far: nothing counts yet
                return True
            # An erasure of before there was such a topic has no ends of it.
            ends = _ENDS[self.kind](erasure)
            return offset < (ends or {}).get(partition, 0) or event_ms < erasure.begun_at_ms
        if self.kind == "predictions":
            source = document.get("source") or {}
            partition, offset = source.get("partition", 0), source.get("offset", 0)
        elif self.kind == "review-decisions":  # of the event that was scored
            partition, offset = document.get("partition", 0), document.get("offset", 0)
        elif self.kind == "dead-letter":
            texts = {header["key"]: header["value"] or b"" for header in headers or ()}
            partition = int(texts.get("source_partition", b"0"))
            offset = int(texts.get("source_offset", b"0"))
        position = stamp(epoch, offset)
        return erasure.covers(partition=partition, position=position, event_ms=event_ms)


def without_erased_records(rows: DataFrame, task: ErasedRecords) -> DataFrame:
    """`rows` of the archive with those of erased entities emptied; unchanged without erasures."""
    return rows.mapInArrow(task, COLUMNS) if task.erased else rows


def _document(value: bytes | None) -> Mapping[str, Any]:
    try:
        document = msgspec.json.decode(value or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")


def _event_ms(document: Mapping[str, Any]) -> int:
    """The event's own time, UTC epoch milliseconds; the end of time where it has none."""
    try:
        moment = datetime.fromisoformat(str(document.get(TIME_FIELD)))
    except ValueError:
        return 1 << 62
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
