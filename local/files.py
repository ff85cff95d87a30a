"""Write a small file so that a reader sees the old content or the new, never a part."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write beside the file, flush to disk, then rename over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
