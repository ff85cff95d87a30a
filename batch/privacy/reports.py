"""Files for people that name an erased entity: lists lose its lines, other reports are deleted."""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from batch.privacy.sought import Sought
from reports.files import replacing, write_bytes
from reports.spreadsheet import write_again

_BINARY = {".png", ".gz", ".zip", ".skops", ".onnx", ".npz"}


def named_reports(folder: Path, sought: Sought) -> list[Path]:
    """Every file below `folder` that names one of the entities.

    Reports of one name belong together: where the page does, its text and its JSON do.
    """
    paths = [path for path in _files(folder) if _names(path, sought)]
    stems = {path.with_suffix("") for path in paths if not _is_list(path)}
    together = (path for path in _files(folder) if path.with_suffix("") in stems)
    return sorted({*paths, *(path for path in together if not _is_list(path))})


def erase_reports(folder: Path, sought: Sought) -> list[str]:
    """Take the entities out of every file below `folder`; returns one line per file."""
    messages = []
    for path in named_reports(folder, sought):
        if path.suffix == ".csv":
            messages.append(f"{path}: {_without_lines(path, sought)} lines removed")
        elif path.suffix == ".parquet":
            messages.append(f"{path}: {_without_rows(path, sought)} rows removed")
        else:
            path.unlink()
            messages.append(f"{path}: removed; the job that wrote it can write it again")
    return messages


def _files(folder: Path) -> Iterator[Path]:
    return (
        (path for path in sorted(folder.rglob("*")) if path.is_file())
        if folder.exists()
        else iter(())
    )


def _is_list(path: Path) -> bool:
    return path.suffix in (".csv", ".parquet")


def _names(path: Path, sought: Sought) -> bool:
    if path.suffix == ".csv":
        return any(any(map(sought.is_cell, row)) for row in _lines(path))
    if path.suffix == ".parquet":
        return bool(_is_named(pq.read_table(path), sought).count(True))
    if path.suffix == ".gz":
        return sought.is_in(gzip.decompress(path.read_bytes()).decode(errors="replace"))
    return path.suffix not in _BINARY and sought.is_in(
        path.read_text(encoding="utf-8", errors="replace")
    )


def _lines(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8", errors="replace") as lines:
        return list(csv.reader(lines))


def _without_lines(path: Path, sought: Sought) -> int:
    rows = _lines(path)
    remaining_rows = [row for row in rows if not any(map(sought.is_cell, row))]
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as lines:
        write_again(lines, remaining_rows)
    return len(rows) - len(remaining_rows)


def _without_rows(path: Path, sought: Sought) -> int:
    table = pq.read_table(path)
    is_named = _is_named(table, sought)
    sink = io.BytesIO()
    pq.write_table(table.filter(pa.array([not flag for flag in is_named])), sink)
    write_bytes(path, sink.getvalue())
    return is_named.count(True)


def _is_named(table: pa.Table, sought: Sought) -> list[bool]:
    texts = [
        name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)
    ]
    columns = [table.column(name).to_pylist() for name in texts]
    rows = zip(*columns, strict=True) if columns else ()
    return [any(cell is not None and sought.is_cell(cell) for cell in row) for row in rows]
