"""Configuration of the broker and of HBase, and why a wrong table order is refused."""

from pathlib import Path

import pytest

from local.errors import PlatformError, TableAdminFailed
from local.maven.jars import versions
from local.servers.hbase import prepare, site
from local.servers.kafka import server_properties
from local.servers.layout import Layout
from local.servers.ports import Ports
from local.tables import Family, TableSpec, order_to_create

PORTS = Ports(20001, 20002, 20003, 20004, 20005, 20006)


def test_the_broker_takes_large_messages_and_makes_no_topics_by_itself() -> None:
    text = server_properties(Path("/run/kafka"), PORTS)
    assert "message.max.bytes=33554432\n" in text
    assert "replica.fetch.max.bytes=33554432\n" in text
    assert "auto.create.topics.enable=false\n" in text
    assert "offsets.topic.num.partitions=4\n" in text


def test_nothing_listens_beyond_this_machine() -> None:
    listeners = server_properties(Path("/run/kafka"), PORTS).split("\nlisteners=")[1].split("\n")[0]
    assert listeners == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    settings = site(Path("/run/hbase"), PORTS)
    assert settings["hbase.master.ipc.address"] == "127.0.0.1"
    assert settings["hbase.regionserver.ipc.address"] == "127.0.0.1"


def test_a_folder_with_markup_in_its_name_is_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "a&b"
    prepare(folder, PORTS)
    assert "a&amp;b/data" in (folder / "conf" / "hbase-site.xml").read_text()


def test_versions_are_those_of_the_poms() -> None:
    assert versions() == {"kafka": "4.3.1", "hbase": "2.6.1-hadoop3"}


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(PlatformError, match="no service 'hive'; there are hbase, kafka, thrift"):
        Layout(Path("/run")).log("hive")


def test_an_order_names_families_versions_and_split_keys() -> None:
    families = [Family("p"), Family("s", max_versions=3), Family("c", large_bytes=9)]
    spec = TableSpec("everscore:S", families, ["80", "40", "80"])
    ordered = ("p", "1", "0"), ("s", "3", "0"), ("c", "1", "9")
    fields = [
        "create",
        "everscore:S",
        *(text for family in ordered for text in ("family", *family)),
    ]
    assert order_to_create(spec).split("\t") == [*fields, "split", "3430", "split", "3830"]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (TableSpec("a b", [Family("p")]), "'a b' is no table name"),
        (TableSpec("S", [Family("p\t1")]), "is no family name"),
        (TableSpec("S", []), "has no families"),
        (TableSpec("S", [Family("p", max_versions=0)]), "keeps 0 versions"),
    ],
)
def test_a_wrong_order_is_refused_before_java_starts(spec: TableSpec, reason: str) -> None:
    with pytest.raises(TableAdminFailed, match=reason):
        order_to_create(spec)
