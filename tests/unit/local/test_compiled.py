"""Our own Java is compiled once, and again when its source or its place in the cache changes."""

import zipfile
from pathlib import Path

import pytest

from local.compiled import compiled_jar
from local.errors import JavaUncompiled

SOURCE = "package everscore; public final class Small { public static final int ONE = 1; }"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A class, and a cache of its own."""
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "Small.java"
    file.write_text(SOURCE)
    return file


def test_a_class_is_compiled_once(source: Path) -> None:
    jar = compiled_jar(source, classpath=[])
    assert zipfile.ZipFile(jar).namelist() == ["everscore/Small.class"]
    written = jar.stat().st_mtime_ns
    assert compiled_jar(source, classpath=[]) == jar
    assert jar.stat().st_mtime_ns == written


def test_a_change_and_a_damage_are_compiled_again(source: Path) -> None:
    jar = compiled_jar(source, classpath=[])
    jar.write_bytes(b"")
    assert zipfile.ZipFile(compiled_jar(source, classpath=[])).testzip() is None
    source.write_text(SOURCE.replace("ONE = 1", "ONE = 2"))
    assert compiled_jar(source, classpath=[]) != jar


def test_what_does_not_compile_says_why(source: Path) -> None:
    source.write_text(SOURCE.replace("int", "Integral"))
    with pytest.raises(JavaUncompiled, match="Integral"):
        compiled_jar(source, classpath=[])
