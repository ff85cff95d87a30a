"""The run folder holds customers' data: topics, tables, models, reports. Its owner alone reads."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# For every process that writes there; what it makes is its user's alone.
PRIVATE_UMASK = 0o077
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# What shows that an existing folder is one of ours, so that its mode is ours to change.
_OURS = ("ports.json", "platform.json", "kafka", "hbase", "delta", "checkpoints", "mlflow.db")


def make_private(run_dir: Path, *, log: Callable[[str], None]) -> None:
    """Make the folder with mode 0700; one of an earlier version gets it, and `log` a line.

    A folder that holds other things, /tmp for one, stays as it is: what we make in it is private.
    """
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    try:
        run_dir.mkdir(mode=0o700)
        return
    except FileExistsError:
        about = run_dir.stat()
    is_ours = about.st_uid == os.getuid() and any((run_dir / name).exists() for name in _OURS)
    if is_ours and about.st_mode & _OTHERS and not about.st_mode & stat.S_ISVTX:
        run_dir.chmod(0o700)
        log(f"{run_dir} was readable by other users; now it is its owner's alone")


def make_private_part(folder: Path) -> None:
    """A folder of ours inside a run folder, with mode 0700 whatever it had."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)


@contextmanager
def private_files() -> Iterator[None]:
    """Whatever this process and its children make inside the block is their user's alone."""
    before = os.umask(PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)
