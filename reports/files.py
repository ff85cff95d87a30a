"""Files that are there whole or not at all, whoever else writes them, however full the disk is."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to, renamed to `path` at the end of the block.

    Every writer gets a different name, so two at the same time both succeed and the last one's
    file stays. When the block raises, what was written is removed and `path` is as it was. The
    folder is created. An `OSError` names `path`: a full disk does not say where.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:12]}.part")
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(part)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """`text` in UTF-8 as the whole of `path`."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def write_bytes(path: Path, content: bytes) -> Path:
    """`content` as the whole of `path`."""
    with replacing(path) as part:
        part.write_bytes(content)
    return path
