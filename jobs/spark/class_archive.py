"""Java's archive of Spark's classes, with which a Spark on this machine starts sooner.

Java calls it class-data sharing: classes are mapped from a file as they were parsed and checked,
instead of being read from jars. The file belongs to one Java and one Spark. Java checks that itself
and goes without one that does not fit, but it dies of one that is cut off: sizes are checked here.
See docs/decisions/2026-11-23-class-archive.md for what it gives.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark
from rich.console import Console

from jobs.launcher.child_jobs import ChildJob
from jobs.launcher.environment import worker_environment
from local.cache import cache_dir, damage, publish, temporary_sibling
from local.errors import JarsUnavailable, PlatformBusy
from local.java import program
from local.lock import file_lock
from local.servers.processes import last_lines
from reports.terminal import Terminal

ARCHIVE = "classes.jsa"

_KEPT = 3  # 200 MB each; one per Java and per .venv
_LONGEST_SECONDS = 300.0
_LAST_LINES = 8


def class_archive(*, is_made: bool, console: Console | None = None) -> Path | None:
    """The archive for this Java and this Spark; None when there is none.

    is_made: a missing one is made, which takes up to a minute. A failure is printed once, and
    it is not tried again until its note is removed.
    """
    try:
        entry = archive_entry()
    except JarsUnavailable:  # no Java: the start of Spark reports it better
        return None
    if damage(entry) is None:
        with contextlib.suppress(OSError):  # somebody else's cache may be read only
            os.utime(entry)  # those used last are kept
        return entry / ARCHIVE
    if not is_made or _note(entry).exists():
        return None
    console = console or Terminal(stderr=True)
    try:
        lock = entry.parent / f".{entry.name}.lock"
        with file_lock(lock, timeout_seconds=_LONGEST_SECONDS):
            if damage(entry) is not None and not _note(entry).exists():
                _make(entry, console)
    except (OSError, PlatformBusy) as error:  # a full disk must not keep a job from its work
        _warn(console, str(error))
    return entry / ARCHIVE if damage(entry) is None else None


def archive_entry() -> Path:
    """The folder where it lies or would lie; raises JarsUnavailable without Java."""
    java = Path(program("java")).resolve()
    digest = hashlib.sha256(str(java).encode())
    release = java.parent.parent / "release"  # a Java that was updated in its place
    if release.is_file():
        digest.update(release.read_bytes())
    for jar in sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar")):
        about = jar.stat()
        digest.update(f"{jar}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    name = f"spark-{pyspark.__version__}-{digest.hexdigest()[:16]}"
    return cache_dir() / "class-archives" / name


def _make(entry: Path, console: Console) -> None:
    """Run a small Spark whose Java writes the archive at its end."""
    for leftover in entry.parent.glob(f".{entry.name}.*/"):  # of a maker that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    folder = temporary_sibling(entry)
    made = folder / "made"
    made.mkdir()
    try:
        console.print("archiving Spark's classes once, so that jobs start sooner: up to a minute")
        failure = _run(folder, made / ARCHIVE)
        if failure is None:
            publish(made, entry)
            _forget_oldest(entry.parent)
            console.print(f"archived in {entry}", markup=False, highlight=False, soft_wrap=True)
        else:
            _note(entry).write_text(failure + "\n", encoding="utf-8")
            _warn(console, f"{failure}\nremove {_note(entry)} to try again")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, archive: Path) -> str | None:
    """None when the archive was made, else why not; `folder` takes what Spark leaves."""
    log = folder / "log.txt"
    command = [sys.executable, "-P", "-m", "jobs.spark.class_warmup", str(folder), str(archive)]
    with log.open("wb") as output:
        # A group of its own, so that Java can be ended, too, when this process is asked to stop.
        process = subprocess.Popen(
            command,
            env={**os.environ, **worker_environment(os.environ)},
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
        ChildJob("class_warmup", process, log).kill()
    if code == 0 and archive.is_file():
        return None
    last = last_lines(log, _LAST_LINES)
    return "\n".join([f"Spark's classes could not be archived (code {code}):", *last])


def _forget_oldest(folder: Path) -> None:
    """Whoever uses one of them goes on: Java has the file mapped."""
    entries = [path.parent for path in folder.glob(f"[!.]*/{ARCHIVE}")]
    entries.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[_KEPT:]:
        shutil.rmtree(entry, ignore_errors=True)


def _note(entry: Path) -> Path:
    """Says why this archive could not be made."""
    return entry.with_name(f"{entry.name}.failed.txt")


def _warn(console: Console, text: str) -> None:
    text = f"{text}\njobs start some seconds later than they could"
    console.print(text, markup=False, highlight=False, soft_wrap=True)
