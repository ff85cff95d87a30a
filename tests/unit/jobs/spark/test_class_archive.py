"""Java's archive of Spark's classes: named, stored, and skipped when it cannot be created."""

import io
import os
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from conf.settings import load_settings
from jobs.spark import class_archive as module
from jobs.spark.class_archive import ARCHIVE, archive_entry, class_archive
from jobs.spark.properties import spark_properties
from local.cache import write_listing


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache; its name has a space, as folders may."""
    folder = tmp_path / "a cache"
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(folder))
    return folder


def java(home: Path, text: str) -> Path:
    """Write a program `java` that runs `text` in a shell; return its home."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return home


def test_another_java_has_another_archive(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    homes = [java(tmp_path / name, "exit 1") for name in ("first", "second")]
    entries = []
    for home in homes:
        monkeypatch.setenv("JAVA_HOME", str(home))
        entries.append(archive_entry())
        assert archive_entry() == entries[-1]
    (homes[1] / "release").write_text('JAVA_VERSION="17.0.99"\n')
    assert len({*entries, archive_entry()}) == 3
    assert all(path.is_relative_to(cache) for path in entries)


def test_a_failure_is_told_once_and_nobody_tries_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = java(tmp_path / "broken", "echo this Java is broken >&2; exit 7")
    monkeypatch.setenv("JAVA_HOME", str(home))
    output = io.StringIO()
    console = Console(file=output, width=1_000)
    assert class_archive(is_made=True, console=console) is None
    assert "this Java is broken" in output.getvalue()
    note = next(cache.rglob("*.failed.txt"))
    assert f"remove {note} to try again" in output.getvalue()
    length = len(output.getvalue())
    assert class_archive(is_made=True, console=console) is None
    assert len(output.getvalue()) == length
    unfinished = [path for path in cache.rglob("*") if path.is_dir() and path.name.startswith(".")]
    assert unfinished == []


def test_a_stream_does_not_wait_for_one(cache: Path) -> None:
    assert class_archive(is_made=False) is None
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_told(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where a folder should be")
    output = io.StringIO()
    assert class_archive(is_made=True, console=Console(file=output, width=1_000)) is None
    assert str(cache) in output.getvalue()


def entry(folder: Path, number: int) -> Path:
    """An archive's folder that was last used at second `number`."""
    path = folder / f"spark-4.2.0-{number}"
    path.mkdir(parents=True)
    (path / ARCHIVE).write_bytes(b"classes")
    write_listing(path)
    os.utime(path, (number, number))
    return path


def test_those_used_last_are_kept(tmp_path: Path) -> None:
    entries = [entry(tmp_path, number) for number in range(1_000, 1_005)]
    module._forget_oldest(tmp_path)
    assert sorted(tmp_path.iterdir()) == entries[2:]


def test_one_that_is_cut_off_is_not_used_since_java_dies_of_it(cache: Path) -> None:
    entry(cache / "class-archives", 1).rename(archive_entry())
    assert class_archive(is_made=False) == archive_entry() / ARCHIVE
    (archive_entry() / ARCHIVE).write_bytes(b"class")
    assert class_archive(is_made=False) is None


def test_java_is_told_where_it_lies_and_own_options_come_last() -> None:
    settings = load_settings("local", environ={})
    properties = spark_properties(settings, jars=[], py_files=[], classes=Path("/a cache/x.jsa"))
    options = properties["spark.driver.extraJavaOptions"]
    arguments = shlex.split(options)
    assert "-XX:SharedArchiveFile=/a cache/x.jsa" in arguments
    configured = shlex.split(settings.spark.conf["spark.driver.extraJavaOptions"])
    assert configured
    assert arguments[-len(configured) :] == configured
    without = spark_properties(settings, jars=[], py_files=[])
    assert "SharedArchiveFile" not in without["spark.driver.extraJavaOptions"]
