"""Our own Java, each program one file: compiled on first use and read from a cache from then on."""

import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

from local import java
from local.cache import cache_dir, damage, entry_name, publish, temporary_sibling
from local.errors import JavaUncompiled
from local.lock import file_lock

_WAIT_SECONDS = 180.0
_FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same content, the same bytes


def compiled_jar(source: Path, *, classpath: Sequence[str]) -> Path:
    """The jar with the classes of `source`, compiled against `classpath`.

    Raises JavaUncompiled, and JarsUnavailable without a `javac`.
    """
    # "classes" of earlier versions hold no jars, and other checkouts of theirs use the same cache.
    entry = cache_dir() / "class-jars" / entry_name(source.stem, source.read_bytes())
    if damage(entry) is not None:
        with file_lock(entry.parent / f".{entry.name}.lock", timeout_seconds=_WAIT_SECONDS):
            if damage(entry) is not None:
                _compile(source, entry, classpath)
    return entry / f"{source.stem}.jar"


def _compile(source: Path, entry: Path, classpath: Sequence[str]) -> None:
    classes, folder = temporary_sibling(entry), temporary_sibling(entry)
    compiler = [java.program("javac"), "-nowarn", "-proc:none", "--release", "17"]
    try:
        done = subprocess.run(
            [*compiler, "-cp", ":".join(classpath), "-d", str(classes), str(source)],
            capture_output=True,
            text=True,
            check=False,
            env=java.environment(),
        )
        if done.returncode != 0:
            raise JavaUncompiled(f"{source} does not compile:\n{done.stderr}")
        with zipfile.ZipFile(folder / f"{source.stem}.jar", "w") as jar:
            for file in sorted(classes.rglob("*.class")):
                name = zipfile.ZipInfo(file.relative_to(classes).as_posix(), _FIRST_ZIP_DATE)
                jar.writestr(name, file.read_bytes())
        publish(folder, entry)
    finally:
        shutil.rmtree(classes, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
