"""A half-written data folder is created again; a damaged one is named and never erased."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.errors import DamagedData
from local.servers import hbase, kafka
from local.servers.data_folder import Condition, DataFolder


def _kafka(path: Path) -> DataFolder:
    (path / "data").mkdir(parents=True)
    (path / "data" / "meta.properties").write_text("cluster.id=abc\nnode.id=1\n")
    return DataFolder("kafka", path, kafka.find_damage)


def _hbase(path: Path) -> DataFolder:
    (path / "data").mkdir(parents=True)
    (path / "data" / "hbase.version").write_bytes(b"PBUF\x0a\x018")
    (path / "data" / "hbase.id").write_bytes(b"PBUF\x0a\x24abc")
    (path / "zk" / "zookeeper_0" / "version-2").mkdir(parents=True)
    return DataFolder("hbase", path, hbase.find_damage)


def test_an_absent_or_empty_folder_is_new(tmp_path: Path) -> None:
    assert DataFolder("kafka", tmp_path / "k", kafka.find_damage).condition() is Condition.NEW
    assert DataFolder("kafka", tmp_path, kafka.find_damage).condition() is Condition.NEW


def test_a_folder_without_marker_is_half_written_and_made_anew(tmp_path: Path) -> None:
    folder, messages = _kafka(tmp_path / "kafka"), list[str]()
    assert folder.make_usable(tell=messages.append) is Condition.HALF_WRITTEN
    assert list(folder.path.iterdir()) == []
    assert "never finished" in messages[0]


@pytest.mark.parametrize("made_by", [_kafka, _hbase])
def test_a_marked_folder_with_all_parts_is_good_and_kept(
    tmp_path: Path, made_by: Callable[[Path], DataFolder]
) -> None:
    folder, messages = made_by(tmp_path / "data"), list[str]()
    folder.mark_initialized()
    assert folder.make_usable(tell=messages.append) is Condition.GOOD
    assert (folder.path / "data").exists()
    assert messages == []


@pytest.mark.parametrize("content", [None, "", "node.id=1\n", "cluster.id=abc\nnode.id=2\n"])
def test_kafka_without_good_meta_properties_is_damaged_and_kept(
    tmp_path: Path, content: str | None
) -> None:
    folder = _kafka(tmp_path / "kafka")
    folder.mark_initialized()
    meta = folder.path / "data" / "meta.properties"
    meta.unlink() if content is None else meta.write_text(content)
    (folder.path / "data" / "topic-0").mkdir()
    with pytest.raises(DamagedData, match=r"meta\.properties.*`make reset`"):
        folder.make_usable(tell=print)
    assert (folder.path / "data" / "topic-0").exists()


@pytest.mark.parametrize("name", ["hbase.version", "hbase.id"])
def test_hbase_with_a_lost_or_corrupt_part_is_damaged_and_kept(tmp_path: Path, name: str) -> None:
    folder = _hbase(tmp_path / "hbase")
    folder.mark_initialized()
    (folder.path / "data" / name).write_bytes(b"")
    with pytest.raises(DamagedData, match=rf"{name} does not start with"):
        folder.make_usable(tell=print)
    (folder.path / "data" / name).unlink()
    with pytest.raises(DamagedData, match=rf"{name} is missing"):
        folder.make_usable(tell=print)
    assert (folder.path / "zk").exists()


def test_hbase_without_its_zookeeper_data_is_damaged(tmp_path: Path) -> None:
    folder = _hbase(tmp_path / "hbase")
    folder.mark_initialized()
    (folder.path / "zk" / "zookeeper_0" / "version-2").rmdir()
    assert folder.condition() is Condition.DAMAGED
