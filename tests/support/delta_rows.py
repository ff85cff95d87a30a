"""The rows of a Delta table, read and written by its log and files without Spark."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def live_rows(table: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """All rows as dictionaries of `columns`, which must not be partition columns."""
    live: set[str] = set()
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                live.add(action["add"]["path"])
            if "remove" in action:
                live.discard(action["remove"]["path"])
    parts = [pq.ParquetFile(table / path).read(columns=list(columns)) for path in sorted(live)]
    return [row for part in parts for row in part.to_pylist()] if parts else []


def write_archive_table(table: Path, rows: Sequence[dict[str, Any]]) -> None:
    """A new archive table of one file; columns of `rows` that are left out are null.

    For tests whose records must have arrived on days that a real Kafka cannot give them.
    """
    (table / "_delta_log").mkdir(parents=True)
    file = table / "part-0.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=_ARCHIVE), file)
    names = {pa.string(): "string", pa.binary(): "binary", pa.int32(): "integer"} | {
        pa.int64(): "long", _TIME: "timestamp", pa.date32(): "date"
    }  # fmt: skip
    fields = [
        {"name": f.name, "type": names.get(f.type, _HEADERS), "nullable": True, "metadata": {}}
        for f in _ARCHIVE
    ]
    actions = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": f"{uuid.uuid4()}",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": [],
                "configuration": {},
                "createdTime": 0,
            }
        },
        {
            "add": {
                "path": file.name,
                "partitionValues": {},
                "size": file.stat().st_size,
                "modificationTime": 0,
                "dataChange": True,
            }
        },
    ]
    log = table / "_delta_log" / f"{0:020d}.json"
    log.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


_TIME = pa.timestamp("us", tz="UTC")
_HEADERS = {
    "type": "array",
    "containsNull": True,
    "elementType": {
        "type": "struct",
        "fields": [
            {"name": "key", "type": "string", "nullable": True, "metadata": {}},
            {"name": "value", "type": "binary", "nullable": True, "metadata": {}},
        ],
    },
}
# As in streaming/archive/source.py.
_ARCHIVE = pa.schema(
    [
        ("topic", pa.string()),
        ("topic_id", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("epoch", pa.int32()),
        ("kafka_time", _TIME),
        ("archived_at", _TIME),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
        ("archive_batch", pa.int64()),
        ("day", pa.date32()),
        ("absent", pa.string()),
        ("until", pa.int64()),
    ]
)
