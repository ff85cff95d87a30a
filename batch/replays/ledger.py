"""Which dead letters have been published again: a Delta table beside the archive.

A run writes down what it is about to publish, publishes, and writes down what Kafka has. A run
that was killed in between leaves entries without a place: the next one looks for them on the
events topic by the header that each replayed record carries, from where the run began.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.replays.dead_letter_frames import POSITION
from stores.delta.tables import DeltaPlace, is_table, read_table

TABLE = "replays"
HEADER = "replayed_from"
MADE_BY = "replay_dead_letters"
_COLUMNS = (
    "run bigint, epoch bigint, partition bigint, offset bigint, at timestamp, "
    "topic_id string, begin string, to_partition bigint, to_offset bigint"
)

Position = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A run whose end was not written down: what it meant to publish, and from where to look."""

    run: int
    topic_id: str
    begin: Mapping[int, int]
    positions: Sequence[Position]


def header_text(topic: str, position: Position) -> str:
    """The value of `HEADER` for the event at (epoch, partition, offset) of `topic`."""
    epoch, partition, offset = position
    return f"{topic}/{partition}/{offset}/{epoch}"


@dataclass(frozen=True)
class ReplayLedger:
    """The table of one scenario; one run writes at a time."""

    spark: SparkSession
    place: DeltaPlace

    @property
    def path(self) -> str:
        """Its folder."""
        return self.place.path(TABLE)

    def published(self) -> DataFrame | None:
        """Columns epoch, partition, offset of what Kafka has again; None before the first run."""
        rows = self._rows()
        return None if rows is None else rows.where("to_offset >= 0").select(*POSITION).distinct()

    def open_runs(self) -> list[OpenRun]:
        """Runs with entries that are neither published nor given up, oldest first."""
        rows = self._rows()
        if rows is None:
            return []
        ended = rows.where("to_offset is not null").select("run", *POSITION)
        open_rows = rows.where("to_offset is null").join(
            ended, on=["run", *POSITION], how="left_anti"
        )
        runs: dict[int, list[Any]] = {}
        for row in open_rows.orderBy("run", *POSITION).collect():
            runs.setdefault(row["run"], []).append(row)
        return [
            OpenRun(
                run=run,
                topic_id=entries[0]["topic_id"],
                begin={int(p): at for p, at in json.loads(entries[0]["begin"]).items()},
                positions=[(row["epoch"], row["partition"], row["offset"]) for row in entries],
            )
            for run, entries in runs.items()
        ]

    def begin(self, positions: Iterable[Position], *, topic_id: str, at: Mapping[int, int]) -> int:
        """Write down what is about to be published; returns the number of the run.

        topic_id, at: the events topic, and partition → its next offset.
        """
        rows = self._rows()
        newest = None if rows is None else rows.agg(F.max("run")).collect()[0][0]
        run, begin = (newest or 0) + 1, json.dumps({str(p): end for p, end in at.items()})
        self._append(
            (run, *position, datetime.now(UTC), topic_id, begin, None, None)
            for position in positions
        )
        return run

    def end(self, run: int, places: Mapping[Position, tuple[int, int] | None]) -> None:
        """Write down where the records of `run` lie now; None: not published, may be later."""
        self._append(
            (run, *position, datetime.now(UTC), None, None, *(place or (-1, -1)))
            for position, place in places.items()
        )

    def _rows(self) -> DataFrame | None:
        if not is_table(self.spark, self.path):
            return None
        return read_table(self.spark, self.path, made_by=MADE_BY)

    def _append(self, rows: Iterable[tuple[Any, ...]]) -> None:
        entries = list(rows)
        if entries:
            frame = self.spark.createDataFrame(entries, _COLUMNS).coalesce(1)
            writer = frame.write.format("delta").mode("append")
            writer.options(**self.place.properties).save(self.path)
