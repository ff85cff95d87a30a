"""The jar cache: keyed by content, complete or resolved again, and never half-published."""

import os
from pathlib import Path

import pytest

from local.cache import cache_dir, damage, entry_name, publish, temporary_sibling
from local.errors import JarsUnavailable
from local.maven.jar_list import LIST, listed, write_list
from local.maven.jars import POMS, jars
from local.maven.maven import failure, progress
from reports.terminal import Terminal


def _published(entry: Path, content: bytes = b"12345") -> None:
    folder = temporary_sibling(entry)
    (folder / "a.jar").write_bytes(content)
    publish(folder, entry)


def test_own_variable_comes_before_the_shared_one_before_home() -> None:
    both = {"EVERSCORE_CACHE_DIR": "/own", "XDG_CACHE_HOME": "/xdg"}
    assert cache_dir(both) == Path("/own")
    assert cache_dir({"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/everscore")
    assert cache_dir({"XDG_CACHE_HOME": "", "HOME": "/h"}) == Path("/h/.cache/everscore")


def test_another_pom_has_another_entry() -> None:
    assert entry_name("kafka", b"one") != entry_name("kafka", b"two")
    assert len(entry_name("kafka", b"one")) == len("kafka-") + 16


def test_a_published_entry_is_complete(tmp_path: Path) -> None:
    _published(tmp_path / "jars" / "kafka-1")
    assert damage(tmp_path / "jars" / "kafka-1") is None
    assert [path.name for path in (tmp_path / "jars").iterdir()] == ["kafka-1"]


def test_an_entry_without_listing_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "kafka-1").mkdir()
    assert damage(tmp_path / "kafka-1") == "listing.txt is missing"


def test_a_missing_jar_is_named(tmp_path: Path) -> None:
    _published(tmp_path / "kafka-1")
    (tmp_path / "kafka-1" / "a.jar").unlink()
    assert damage(tmp_path / "kafka-1") == "a.jar is missing"


def test_a_shortened_jar_is_named_with_both_sizes(tmp_path: Path) -> None:
    _published(tmp_path / "kafka-1")
    (tmp_path / "kafka-1" / "a.jar").write_bytes(b"123")
    assert damage(tmp_path / "kafka-1") == "a.jar has 3 bytes instead of 5"


def test_a_damaged_entry_is_replaced(tmp_path: Path) -> None:
    entry = tmp_path / "kafka-1"
    _published(entry)
    (entry / "a.jar").unlink()
    _published(entry, b"new")
    assert damage(entry) is None
    assert (entry / "a.jar").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["kafka-1"]


def test_a_complete_entry_needs_no_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    entry = tmp_path / "jars" / entry_name("spark", (POMS / "spark.xml").read_bytes())
    _published(entry)
    jar_list = tmp_path / "jars.sha256"
    assert write_list({"spark": entry}, jar_list) == 1
    assert jars("spark", jar_list=jar_list) == entry


def test_a_jar_of_the_same_size_and_another_content_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(tmp_path))
    entry = tmp_path / "jars" / entry_name("spark", (POMS / "spark.xml").read_bytes())
    _published(entry)
    jar_list = tmp_path / "jars.sha256"
    write_list({"spark": entry}, jar_list)
    (entry / "a.jar").write_bytes(b"12346")
    assert damage(entry) is None  # names and sizes alone are as they were
    with pytest.raises(JarsUnavailable, match=r"a\.jar has SHA-256 .* again: make jars"):
        jars("spark", jar_list=jar_list)
    (entry / "a.jar").write_bytes(b"12345")
    (entry / "b.jar").write_bytes(b"x")  # a class path of `folder/*` would take it
    with pytest.raises(JarsUnavailable, match=r"b\.jar is not in the list"):
        jars("spark", jar_list=jar_list)


def test_the_committed_list_names_every_jar_of_every_pom_once() -> None:
    for pom in POMS.glob("*.xml"):
        digests = listed(pom.stem)
        assert len(digests) > (1 if pom.stem == "web" else 5)
        assert all(len(digest) == 64 for digest in digests.values())
    assert len(LIST.read_text().splitlines()) == sum(len(listed(p.stem)) for p in POMS.glob("*"))


MAVEN = """#!/bin/sh
for argument in "$@"; do
  case $argument in -DoutputDirectory=*) printf other > "${argument#*=}/a.jar";; esac
done
"""


def test_other_jars_from_maven_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that gives other bytes, or a damaged copy in Maven's own folder."""
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(tmp_path / "cache"))
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "mvn").write_text(MAVEN)
    (tools / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    with pytest.raises(JarsUnavailable, match=r"Maven gave other jars of kafka .* make lock-jars"):
        jars("kafka", console=Terminal(stderr=True))
    assert not list((tmp_path / "cache" / "jars").glob("[!.]*"))


def test_a_cache_folder_that_java_cannot_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(tmp_path / "a:b"))
    with pytest.raises(JarsUnavailable, match="holds ':'"):
        jars("kafka")


def test_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(JarsUnavailable, match="`java` is neither in JAVA_HOME"):
        jars("kafka")
    assert not [path for path in (tmp_path / "jars").iterdir() if path.is_dir()]


def test_an_unknown_pom_is_refused_with_the_known_ones() -> None:
    with pytest.raises(JarsUnavailable, match=r"'hadoop'; known are \['hbase', .*'web'\]"):
        jars("hadoop")


def test_progress_counts_downloads_then_copies(tmp_path: Path) -> None:
    log = (
        "[INFO] Downloaded from central: somewhere/a.pom (5.3 kB at 21 kB/s)\n"
        "[INFO] Downloaded from central: somewhere/a.jar (2.5 MB at 21 kB/s)\n"
        "[INFO] Downloaded from central: somewhere/b.jar (500 kB at 21 kB/s)\n"
    )
    assert progress(log, tmp_path) == (2, 3.0)
    (tmp_path / "a.jar").write_bytes(bytes(1000))
    assert progress("", tmp_path) == (1, 0.001)


def test_a_failure_shows_mavens_errors_and_how_to_repeat() -> None:
    text = failure(Path("/p/kafka.xml"), 1, "[INFO] fine\n[ERROR] Could not resolve x:y:1\n")
    assert "Could not resolve x:y:1" in text
    assert "fine" not in text
    assert "mvn -B -f /p/kafka.xml dependency:copy-dependencies" in text
