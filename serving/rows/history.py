"""What the archive holds of one entity, newest first, read without Spark from Delta's own files.

A Spark session would cost seconds and half a gigabyte, the package `deltalake` 140 MB, for what the
table's log and pyarrow give as well: the log names the files of a day, and of a file only the
column of keys is read until a row group has the entity.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scenarios.contract.scenario import Scenario
from serving.rows.cursors import cursor_of, place_of
from stores.delta.live_files import LiveFile, LiveFiles
from stores.delta.tables import TableAbsent
from stores.records.erasures import ErasedEntities
from streaming.archive.erased import ErasedRecords

# The tables of the archive that tell what happened to an entity.
KINDS = ("events", "predictions", "outcomes")
MADE_BY = "archive_stream"
MOST_DAYS = 366
# A cursor that somebody made up may hold any number; the end of the year 9999.
_LAST_MS = 253_402_300_799_000
# at_ms, kind, epoch, partition, offset
EntryPlace = tuple[int, str, int, int, int]
_COLUMNS = ("topic", "partition", "offset", "epoch", "kafka_time", "key", "value", "headers")
_ABSENT = "absent"


class HistoryUnavailable(RuntimeError):
    """The archive has no table yet, or it cannot be read; says which and what to run."""

    exit_code = 4


class CursorOfAnother(ValueError):
    """A cursor of another entity's history."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One archived record of an entity.

    kind      one of `KINDS`
    at_ms     when Kafka had it, UTC epoch milliseconds
    document  the record's value, one JSON object, or another text where it is none
    """

    kind: str
    at_ms: int
    topic: str
    epoch: int
    partition: int
    offset: int
    document: bytes

    @property
    def place(self) -> EntryPlace:
        """Its place in the order of the history; no two entries have the same one."""
        return (self.at_ms, self.kind, self.epoch, self.partition, self.offset)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a table reaches: the newest record's time in Kafka, and of its archiving (UTC)."""

    records_until: str | None
    archived_at: str | None


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """Entries newest first.

    cursor       of what is older; None when nothing is within the days that were asked for
    reaches      kind → how far its table reaches; a kind that was never archived is left out
    """

    entries: Sequence[Entry]
    cursor: str | None
    reaches: Mapping[str, Reach]


class _Place(msgspec.Struct, frozen=True, array_like=True):
    entity: str
    kinds: tuple[str, ...]
    before: EntryPlace
    first_day: str


@dataclass(frozen=True)
class EntityHistory:
    """The history of one scenario's entities; threads may share it.

    tables         kind → the live files of its table
    erased         who was erased: what is left of them is not shown; may raise `StoreDown`
    most_seconds   a call that has read for so long ends at the next day, with a cursor
    """

    scenario: Scenario
    tables: Mapping[str, LiveFiles]
    erased: Callable[[], ErasedEntities]
    most_seconds: float = 5.0
    clock: Callable[[], float] = field(default=time.monotonic)

    def page(
        self,
        entity: str,
        now: datetime,
        *,
        kinds: Sequence[str] = KINDS,
        days: int = 30,
        limit: int = 50,
        cursor: str | None = None,
    ) -> HistoryPage:
        """At most `limit` entries of the last `days` days, older than `cursor`.

        A prediction that Kafka has twice, after a restart, is one entry. Raises
        `HistoryUnavailable`, `TableUnreadable`, `CursorRefused`, `CursorOfAnother`, `StoreDown`.
        """
        first_day = (now - timedelta(days=days - 1)).astimezone(UTC).date().isoformat()
        before: EntryPlace | None = None
        if cursor is not None:
            place = place_of(cursor, _Place)
            if (place.entity, place.kinds) != (entity, tuple(kinds)):
                raise CursorOfAnother("the cursor belongs to another entity or other kinds")
            before, first_day = place.before, place.first_day
        files = self._files(kinds)
        reaches = {kind: _reach(of_kind) for kind, of_kind in files.items()}
        give_up_at = self.clock() + self.most_seconds
        entries: dict[Any, Entry] = {}
        for day in _days(files, first_day=first_day, before=before):
            for kind, of_kind in files.items():
                for entry in self._of_day(kind, of_kind, day, entity):
                    if before is None or entry.place < before:
                        entries.setdefault(_identity(entry), entry)
            is_late = self.clock() > give_up_at
            if len(entries) > limit or is_late:
                ordered = _newest_first(entries.values())[:limit]
                is_cut = len(entries) > limit
                last = ordered[-1].place if is_cut else _end_before(day)
                return HistoryPage(
                    entries=ordered,
                    cursor=cursor_of(_Place(entity, tuple(kinds), last, first_day)),
                    reaches=reaches,
                )
        return HistoryPage(entries=_newest_first(entries.values()), cursor=None, reaches=reaches)

    def _files(self, kinds: Sequence[str]) -> dict[str, Sequence[LiveFile]]:
        files: dict[str, Sequence[LiveFile]] = {}
        absent: TableAbsent | None = None
        for kind in kinds:
            try:
                files[kind] = self.tables[kind].current()
            except TableAbsent as error:
                absent = error
        if not files:
            raise HistoryUnavailable(
                f"nothing of {self.scenario.name} is archived yet: run ./spark-submit.sh {MADE_BY} "
                f"--scenario {self.scenario.name}"
            ) from absent
        return files

    def _of_day(
        self, kind: str, files: Sequence[LiveFile], day: str, entity: str
    ) -> Iterator[Entry]:
        ids = (self.scenario.schema.entity_field, "entity")
        erased = ErasedRecords(kind, self.erased(), ids)
        for file in files:
            if file.partition.get("day") != day:
                continue
            for rows in self._rows_of(self.tables[kind], file, entity):
                for batch in erased(iter(rows.to_batches())):
                    yield from _entries(kind, batch)

    def _rows_of(self, table: LiveFiles, file: LiveFile, entity: str) -> Iterator[pa.Table]:
        """The entity's rows, by row group; other columns than the key only where it has any."""
        try:
            with table.file_system.open_input_file(file.path) as source:
                parquet = pq.ParquetFile(source)
                columns = [name for name in _COLUMNS if name in parquet.schema_arrow.names]
                for group in range(parquet.num_row_groups):
                    keys = parquet.read_row_group(group, columns=["key"]).column(0)
                    is_entity = pc.equal(keys, pa.scalar(entity.encode(), keys.type))
                    if not pc.any(is_entity).as_py():
                        continue
                    rows = parquet.read_row_group(group, columns=columns)
                    yield _with_absent(rows.filter(is_entity))
        except FileNotFoundError:
            # Merged and removed, or erased, since the log was read: the next call reads it again.
            table.forget()
            raise HistoryUnavailable("the archive was being maintained: ask again") from None


def _with_absent(rows: pa.Table) -> pa.Table:
    """A row that has a key is a record, so `absent` is null in all of them."""
    return rows.append_column(_ABSENT, pa.nulls(rows.num_rows, pa.string())).combine_chunks()


def _entries(kind: str, batch: pa.RecordBatch) -> Iterator[Entry]:
    times = batch.column("kafka_time").cast(pa.timestamp("ms", "UTC"), safe=False)
    at_ms = times.cast(pa.int64()).to_pylist()
    texts = [batch.column(name).to_pylist() for name in ("topic", "value", "key")]
    numbers = [batch.column(name).to_pylist() for name in ("epoch", "partition", "offset")]
    for at, topic, value, key, epoch, partition, offset in zip(
        at_ms, *texts, *numbers, strict=True
    ):
        if key is not None and value is not None:  # else it was erased, or holds nothing
            yield Entry(
                kind=kind,
                at_ms=at,
                topic=topic,
                epoch=epoch,
                partition=partition,
                offset=offset,
                document=value,
            )


class _Named(msgspec.Struct):
    prediction_id: str


def _identity(entry: Entry) -> Any:
    """What a repeated message has in common with the first one."""
    if entry.kind == "predictions":
        try:
            return msgspec.json.decode(entry.document, type=_Named).prediction_id
        except msgspec.MsgspecError:
            pass
    return entry.place


def _newest_first(entries: Any) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.place, reverse=True)


def _days(
    files: Mapping[str, Sequence[LiveFile]],
    *,
    first_day: str,
    before: EntryPlace | None,
) -> list[str]:
    """The days that have files, the newest first."""
    last_day = "9999-12-31" if before is None else _day(before[0])
    days = {file.partition.get("day") for of_kind in files.values() for file in of_kind}
    return sorted((day for day in days if day and first_day <= day <= last_day), reverse=True)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(min(max(at_ms, 0), _LAST_MS) / 1000, UTC).date().isoformat()


def _end_before(day: str) -> EntryPlace:
    """A place after all that is older than `day`: no kind is behind "~"."""
    begin_ms = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
    return (begin_ms - 1, "~", 0, 0, 0)


def _reach(files: Sequence[LiveFile]) -> Reach:
    def newest(column: str) -> str | None:
        values = [str(file.most(column)) for file in files if file.most(column) is not None]
        return max(values, default=None)

    return Reach(records_until=newest("kafka_time"), archived_at=newest("archived_at"))


def history_of(
    scenario: Scenario, folder_of: Callable[[str], str], erased: Callable[[], ErasedEntities]
) -> EntityHistory:
    """The history in the archive's tables; `folder_of` gives the folder of a kind."""
    tables = {kind: LiveFiles(folder_of(kind), MADE_BY) for kind in KINDS}
    return EntityHistory(scenario, tables, erased)
