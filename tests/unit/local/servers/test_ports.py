"""Ports are free when chosen, kept while free, and replaced when somebody else took them."""

import socket
from pathlib import Path

from local.servers.ports import Ports, free_port, is_free, kept_or_new, read_ports, write_ports

RECORDED = Ports(
    kafka=20001,
    kafka_controller=20002,
    zookeeper=20003,
    hbase_master=20004,
    hbase_regionserver=20005,
    thrift=20006,
)


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_chosen_port_is_free_and_below_the_range_of_outgoing_connections() -> None:
    port = free_port(taken=())
    assert is_free(port)
    assert port < 32768


def test_first_start_chooses_six_different_ports() -> None:
    ports = kept_or_new(None)
    assert len(set(vars(ports).values())) == 6


def test_free_ports_of_the_last_start_are_kept() -> None:
    assert kept_or_new(RECORDED, usable=lambda port: True) == RECORDED


def test_only_the_taken_port_is_replaced() -> None:
    ports = kept_or_new(RECORDED, usable=lambda port: port != RECORDED.zookeeper)
    assert ports.zookeeper != RECORDED.zookeeper
    assert ports.zookeeper not in vars(RECORDED).values()
    assert ports.kafka == RECORDED.kafka


def test_a_port_our_own_service_listens_on_is_kept() -> None:
    ports = kept_or_new(RECORDED, in_use_by_us=["kafka"], usable=lambda port: False)
    assert ports.kafka == RECORDED.kafka
    assert ports.thrift != RECORDED.thrift


def test_written_ports_are_read_back(tmp_path: Path) -> None:
    write_ports(tmp_path / "ports.json", RECORDED)
    assert read_ports(tmp_path / "ports.json") == RECORDED


def test_a_corrupt_or_missing_ports_file_reads_as_none(tmp_path: Path) -> None:
    for content in ("{", "[]", '{"kafka": 1}', '{"kafka": "x"}'):
        (tmp_path / "ports.json").write_text(content)
        assert read_ports(tmp_path / "ports.json") is None
    assert read_ports(tmp_path / "absent.json") is None
