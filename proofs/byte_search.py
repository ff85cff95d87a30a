"""Every byte under a folder, unpacked where it is packed, searched for what must not be there."""

import gzip
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def needles_of(entity: str, *values: float) -> list[bytes]:
    """An id and a person's numbers as files may hold them: as text, as floats of either order."""
    numbers = [struct.pack(order, value) for value in values for order in ("<d", ">d")]
    return [entity.encode(), *(repr(value).encode() for value in values), *numbers]


def files_with(folder: Path, needles: Sequence[bytes]) -> list[Path]:
    """Files below `folder` that hold one of `needles`; files that vanish meanwhile are left out."""
    matches = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and not path.is_symlink() and _holds(path, needles):
                matches.append(path)
        except FileNotFoundError:
            continue
    return matches


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    return any(needle in content for content in _contents(path) for needle in needles)


def _contents(path: Path) -> Iterator[bytes]:
    raw = path.read_bytes()
    yield raw
    if raw[:4] == b"PAR1" and raw[-4:] == b"PAR1":
        table = pq.ParquetFile(path).read()
        yield from (_bytes_of(table.column(number)) for number in range(table.num_columns))
        yield repr(pq.ParquetFile(path).metadata.row_group(0)).encode() if table.num_rows else b""
    elif raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)
    elif path.suffix == ".log" and path.parent.name.rpartition("-")[2].isdigit():
        yield from _kafka_records(raw)


def _bytes_of(column: Any) -> bytes:
    """All values of a column, one after the other: nested ones as text."""
    parts = []
    for value in column.to_pylist():
        parts.append(value if isinstance(value, bytes) else str(value).encode())
        if isinstance(value, float):
            parts.append(struct.pack("<d", value))
    return b"\n".join(parts)


def _kafka_records(raw: bytes) -> Iterator[bytes]:
    """Keys, values and headers of a segment's record batches, unpacked."""
    from kafka.record import MemoryRecords

    records = MemoryRecords(raw)
    while (batch := records.next_batch()) is not None:
        for record in batch:
            yield record.key or b""
            yield record.value or b""
            yield b"".join(value or b"" for _, value in record.headers)
