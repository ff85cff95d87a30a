"""Java's archive of Spark's classes, with which a Spark on this machine starts sooner.

Java calls it class-data sharing: classes are mapped from a file as they were parsed and checked,
instead of being read from jars. The file belongs to one Java and one Spark; Java checks that itself
and goes without when it does not fit, so a wrong file costs time and nothing else. See
docs/decisions/2026-11-23-class-archive.md for what it gives.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyspark
from rich.console import Console

from jobs.packages import CHECKOUT
from local.cache import cache_dir, temporary_sibling
from local.errors import JarsUnavailable, PlatformBusy
from local.java import program
from local.lock import file_lock

_KEPT = 3  # 200 MB each; one per Java and per .venv
_LONGEST_SECONDS = 300.0
_LAST_LINES = 8


def class_archive(*, is_made: bool, console: Console | None = None) -> Path | None:
    """The archive for this Java and this Spark; None when there is none.

    is_made: a missing one is made, which takes up to a minute. If that fails it is told, once,
    and not tried again until its note is removed.
    """
    try:
        path = archive_path()
    except JarsUnavailable:  # no Java: whoever starts Spark says it better
        return None
    if path.is_file():
        os.utime(path)  # those used last are kept
        return path
    if not is_made or _note(path).exists():
        return None
    console = console or Console(stderr=True)
    try:
        lock = path.parent / f".{path.name}.lock"
        with file_lock(lock, timeout_seconds=_LONGEST_SECONDS):
            if not path.is_file() and not _note(path).exists():
                _make(path, console)
    except (OSError, PlatformBusy) as error:  # a full disk must not keep a job from its work
        _tell(console, str(error))
    return path if path.is_file() else None


def archive_path() -> Path:
    """Where it lies or would lie; raises JarsUnavailable without Java."""
    java = Path(program("java")).resolve()
    digest = hashlib.sha256(str(java).encode())
    release = java.parent.parent / "release"  # a Java that was updated in its place
    if release.is_file():
        digest.update(release.read_bytes())
    for jar in sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar")):
        about = jar.stat()
        digest.update(f"{jar}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    name = f"spark-{pyspark.__version__}-{digest.hexdigest()[:16]}.jsa"
    return cache_dir() / "class-archives" / name


def _make(path: Path, console: Console) -> None:
    """Run a small Spark whose Java writes the archive at its end."""
    folder = temporary_sibling(path)
    try:
        with console.status("archiving Spark's classes once: jobs start sooner with it"):
            failure = _run(folder, path.name)
        if failure is None:
            (folder / path.name).rename(path)
            _forget_oldest(path.parent)
            console.print(f"archived Spark's classes, once for this Java and Spark: {path}")
        else:
            _note(path).write_text(failure + "\n", encoding="utf-8")
            _tell(console, f"{failure}\nremove {_note(path)} to try again")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, archive: str) -> str | None:
    """None when the archive is in `folder`, else why not."""
    log = folder / "log.txt"
    command = [sys.executable, "-P", "-m", "jobs.class_warmup", str(folder), archive]
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with log.open("wb") as output:
        # A group of its own, so that Java can be ended, too, when this process is told to stop.
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(_LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            return f"Spark's classes were not archived within {_LONGEST_SECONDS:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code == 0 and (folder / archive).is_file():
        return None
    last = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    return "\n".join([f"Spark's classes could not be archived (code {code}):", *last])


def _forget_oldest(folder: Path) -> None:
    """Whoever uses one of them goes on: Java has the file mapped."""
    found = sorted(folder.glob("*.jsa"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[_KEPT:]:
        path.unlink(missing_ok=True)


def _note(path: Path) -> Path:
    """Says why this archive could not be made."""
    return path.with_suffix(".failed.txt")


def _tell(console: Console, text: str) -> None:
    console.print(
        f"{text}\njobs start some seconds later than they could", markup=False, highlight=False
    )
