"""The live rows of a Delta table, read from its log and files without Spark."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
