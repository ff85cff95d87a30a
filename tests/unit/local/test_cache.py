"""The jar cache: keyed by content, complete or resolved anew, and never half-published."""

from pathlib import Path

import pytest

from local.cache import cache_dir, damage, entry_name, publish, temporary_sibling
from local.errors import JarsUnavailable
from local.jars import POMS, jar_files, jars
from local.maven import failure, progress


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
    assert jar_files("spark") == [entry / "a.jar"]


def test_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERSCORE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(JarsUnavailable, match="`java` is neither in JAVA_HOME"):
        jars("kafka")
    assert not [path for path in (tmp_path / "jars").iterdir() if path.is_dir()]


def test_an_unknown_pom_is_refused_with_the_known_ones() -> None:
    with pytest.raises(JarsUnavailable, match=r"'hadoop'; known are \['hbase', 'kafka', 'spark'\]"):
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
