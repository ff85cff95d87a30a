"""Java's archive of Spark's classes: named, kept, and done without when it cannot be made."""

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from conf.settings import load_settings
from jobs import class_archive as module
from jobs.class_archive import archive_path, class_archive
from jobs.spark_properties import spark_properties


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache; its name has a space, as folders may."""
    folder = tmp_path / "a cache"
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(folder))
    return folder


def java(home: Path, text: str) -> Path:
    """A program `java` with that script; gives its home."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return home


def test_another_java_has_another_archive(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    homes = [java(tmp_path / name, "exit 1") for name in ("first", "second")]
    found = []
    for home in homes:
        monkeypatch.setenv("JAVA_HOME", str(home))
        found.append(archive_path())
        assert archive_path() == found[-1]
    (homes[1] / "release").write_text('JAVA_VERSION="17.0.99"\n')
    assert len({*found, archive_path()}) == 3
    assert all(path.is_relative_to(cache) for path in found)


def test_a_failure_is_told_once_and_nobody_tries_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = java(tmp_path / "broken", "echo this Java is broken >&2; exit 7")
    monkeypatch.setenv("JAVA_HOME", str(home))
    told = io.StringIO()
    console = Console(file=told, width=1_000)
    assert class_archive(is_made=True, console=console) is None
    assert "this Java is broken" in told.getvalue()
    note = next(cache.rglob("*.failed.txt"))
    assert f"remove {note} to try again" in told.getvalue()
    length = len(told.getvalue())
    assert class_archive(is_made=True, console=console) is None
    assert len(told.getvalue()) == length
    left = [path for path in cache.rglob("*") if path.is_dir() and path.name.startswith(".")]
    assert left == []


def test_a_stream_does_not_wait_for_one(cache: Path) -> None:
    assert class_archive(is_made=False) is None
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_told(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where a folder should be")
    told = io.StringIO()
    assert class_archive(is_made=True, console=Console(file=told, width=1_000)) is None
    assert str(cache) in told.getvalue()


def test_those_used_last_are_kept(cache: Path) -> None:
    folder = cache / "class-archives"
    folder.mkdir(parents=True)
    for number in range(5):
        path = folder / f"spark-4.2.0-{number}.jsa"
        path.touch()
        os.utime(path, (1_000 + number, 1_000 + number))
    module._forget_oldest(folder)
    assert sorted(path.stem[-1] for path in folder.glob("*.jsa")) == ["2", "3", "4"]


def test_java_is_told_where_it_lies_and_own_options_come_last() -> None:
    settings = load_settings("local", environ={})
    found = spark_properties(settings, jars=[], py_files=[], classes=Path("/a cache/x.jsa"))
    options = found["spark.driver.extraJavaOptions"]
    assert options.endswith('"-XX:SharedArchiveFile=/a cache/x.jsa" -XX:TieredStopAtLevel=1')
    without = spark_properties(settings, jars=[], py_files=[])
    assert "SharedArchiveFile" not in without["spark.driver.extraJavaOptions"]
