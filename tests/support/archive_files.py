"""Archive tables in a folder, written without Spark: Parquet files and the log that names them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("epoch", pa.int32()),
        ("kafka_time", pa.timestamp("us", "UTC")),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", _HEADERS),
        ("absent", pa.string()),
    ]
)


@dataclass
class ArchiveFolder:
    """A table of the archive; every `append` is a commit with one file per day."""

    path: Path
    kind: str
    version: int = 0

    def append(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Append rows made by `archived`; returns the paths of the new files."""
        days = sorted({row["kafka_time"].date().isoformat() for row in rows})
        paths = []
        actions: list[dict[str, Any]] = []
        for day, number in zip(days, count()):
            of_day = [row for row in rows if row["kafka_time"].date().isoformat() == day]
            name = f"day={day}/part {self.version}-{number}.parquet"
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            topic = {"topic": f"tiny.{self.kind}"}
            table = pa.Table.from_pylist([{**row, **topic} for row in of_day], schema=_SCHEMA)
            pq.write_table(table, self.path / name, row_group_size=2)
            newest = max(row["kafka_time"] for row in of_day).isoformat(timespec="milliseconds")
            most = {"kafka_time": newest, "archived_at": newest}
            stats = json.dumps({"numRecords": len(of_day), "maxValues": most})
            path = quote(name)
            added = {"path": path, "partitionValues": {"day": day}, "size": 1, "stats": stats}
            actions.append({"add": added})
            paths.append(path)
        self.commit(actions)
        return paths

    def commit(self, actions: Sequence[dict[str, Any]]) -> None:
        """Write the next version of the log."""
        log = self.path / "_delta_log"
        log.mkdir(parents=True, exist_ok=True)
        if self.version == 0:
            protocol = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
            actions = [protocol, {"metaData": {"id": "t"}}, *actions]
        text = "\n".join(json.dumps(action) for action in actions)
        (log / f"{self.version:020d}.json").write_text(text + "\n")
        self.version += 1

    def checkpoint(self, actions: Sequence[dict[str, Any]]) -> None:
        """Replace all commits so far by a checkpoint of `actions`."""
        log, version = self.path / "_delta_log", self.version - 1
        strings = pa.map_(pa.string(), pa.string())
        added = pa.struct([("path", pa.string()), ("partitionValues", strings)])
        protocol = pa.struct([("minReaderVersion", pa.int32())])
        schema = pa.schema([("add", added), ("protocol", protocol)])
        rows = [{"protocol": {"minReaderVersion": 1}}, *actions]
        table = pa.Table.from_pylist(
            [{"add": row.get("add"), "protocol": row.get("protocol")} for row in rows],
            schema=schema,
        )
        pq.write_table(table, log / f"{version:020d}.checkpoint.parquet")
        (log / "_last_checkpoint").write_text(json.dumps({"version": version, "size": len(rows)}))
        for commit in log.glob("*.json"):
            commit.unlink()


def archived(
    key: str | None, value: bytes | None, *, at: datetime, offset: int, partition: int = 0
) -> dict[str, Any]:
    """A row of an archive table."""
    return {
        "partition": partition,
        "offset": offset,
        "epoch": 1,
        "kafka_time": at.astimezone(UTC),
        "key": None if key is None else key.encode(),
        "value": value,
    }
