"""The local platform with real Kafka and HBase; the tests run in order on one platform."""

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import happybase
import psutil
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from rich.console import Console

from local.endpoints import Endpoints, read_endpoints
from local.errors import DamagedData, PlatformNotRunning, ProcessFailed, TableAdminFailed
from local.servers.layout import Layout
from local.servers.platform import Platform, down, reset, start_one, stop_one, up
from local.servers.processes import is_alive, start, stop
from local.servers.status import State, status
from local.tables import Family, TableSpec, create_table, create_tables, drop_table

ROOT = Path(__file__).resolve().parents[2]
TABLE = "everscore:S"
FAMILIES = [Family("p"), Family("s", max_versions=5)]
SPLITS = ["40", "80", "c0"]


@dataclass(frozen=True)
class Running:
    """The platform under test, and what its first `up` printed."""

    platform: Platform
    endpoints: Endpoints
    console_output: str

    def table(self) -> "happybase.Table":
        host, port = self.endpoints.hbase_thrift_host, self.endpoints.hbase_thrift_port
        return happybase.Connection(host, port, timeout=60_000).table(TABLE)

    def pids(self) -> dict[str, int]:
        records = read_endpoints(self.platform.run_dir).processes
        return {name: record.pid for name, record in records.items()}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # As left by a first `up` that lost power: no service ever answered.
    platform = Platform(tmp_path_factory.mktemp("platform"), die_with_parent=True)
    for half_written in ("kafka/data/__cluster_metadata-0", "hbase/data/WALs"):
        (platform.run_dir / half_written).mkdir(parents=True)
    console_file = io.StringIO()
    endpoints = up(platform, console=Console(file=console_file, width=1000))
    try:
        create_table(endpoints, table=TABLE, families=FAMILIES, split_keys=SPLITS)
        yield Running(platform, endpoints, console_file.getvalue())
    finally:
        down(platform)


def test_half_written_folders_of_a_first_start_are_made_anew(running: Running) -> None:
    assert "kafka: its first start" in running.console_output
    assert "hbase: its first start" in running.console_output


def test_the_addresses_are_in_platform_json(running: Running) -> None:
    assert read_endpoints(running.platform.run_dir) == running.endpoints
    assert all(row.state is State.RUNNING for row in status(running.platform.run_dir))


def test_the_broker_makes_a_topic(running: Running) -> None:
    client = KafkaAdminClient(bootstrap_servers=running.endpoints.kafka_bootstrap_servers)
    client.create_topics([NewTopic("payments", num_partitions=2, replication_factor=1)])
    assert "payments" in client.list_topics()
    client.close()


def test_a_second_up_finds_what_runs(running: Running) -> None:
    console_file, before = io.StringIO(), running.pids()
    assert up(running.platform, console=Console(file=console_file)) == running.endpoints
    assert running.pids() == before
    assert "already running" in console_file.getvalue()


def test_the_table_has_its_regions_and_families(running: Running) -> None:
    regions = running.table().regions()
    assert [region["start_key"] for region in regions] == [b"", b"40", b"80", b"c0"]
    families = running.table().families()
    assert {name: family["max_versions"] for name, family in families.items()} == {b"p": 1, b"s": 5}
    for family in families.values():
        assert family["bloom_filter_type"] == b"ROW"
        assert family["block_cache_enabled"]
        assert family["in_memory"]
        assert family["compression"] == b"NONE"


def test_a_read_at_a_time_gives_the_newest_cell_below_it(running: Running) -> None:
    table = running.table()
    for timestamp in (99, 199, 299):
        table.put(b"41:a", {b"s:state": str(timestamp).encode()}, timestamp=timestamp)
    assert table.rows([b"41:a"], [b"s:state"], timestamp=200) == [(b"41:a", {b"s:state": b"199"})]
    assert table.row(b"41:a") == {b"s:state": b"299"}


def test_an_existing_table_is_left_alone_and_others_are_made(running: Running) -> None:
    same = TableSpec(TABLE, FAMILIES, SPLITS)
    new = TableSpec("everscore:new", [Family("p")])
    assert create_tables(running.endpoints, [same, new]) == {TABLE: False, new.table: True}
    assert drop_table(running.endpoints, table=new.table)


def test_an_existing_table_with_other_versions_is_refused(running: Running) -> None:
    with pytest.raises(TableAdminFailed, match="family p keeps 1 versions instead of 3"):
        create_table(running.endpoints, table=TABLE, families=[Family("p", max_versions=3)])


def test_a_killed_gateway_is_started_again_on_its_port(running: Running) -> None:
    before = running.pids()
    running.table().put(b"80:b", {b"p:latest": b"kept"})
    assert stop_one(running.platform.run_dir, "thrift", kill=True)
    states = {row.service: row.state for row in status(running.platform.run_dir)}
    assert states["thrift"] is State.DIED
    after = up(running.platform)
    assert after.hbase_thrift_port == running.endpoints.hbase_thrift_port
    assert running.table().row(b"80:b") == {b"p:latest": b"kept"}
    pids = running.pids()
    assert [name for name in pids if pids[name] != before[name]] == ["thrift"]


def test_killed_hbase_comes_back_with_its_acknowledged_rows(running: Running) -> None:
    table = running.table()
    with table.batch() as batch:
        for number in range(1000):
            batch.put(f"c1:{number}".encode(), {b"p:latest": b"kept"})
    stop_one(running.platform.run_dir, "hbase", kill=True)
    start_one(running.platform.run_dir, "hbase", die_with_parent=True)
    assert len(list(running.table().scan(row_prefix=b"c1:"))) == 1000


def test_killed_kafka_comes_back_with_its_topics(running: Running) -> None:
    stop_one(running.platform.run_dir, "kafka", kill=True)
    after = start_one(running.platform.run_dir, "kafka", die_with_parent=True)
    assert after.kafka_bootstrap_servers == running.endpoints.kafka_bootstrap_servers
    client = KafkaAdminClient(bootstrap_servers=after.kafka_bootstrap_servers)
    assert "payments" in client.list_topics()
    client.close()


def test_down_stops_exactly_what_was_started_and_damage_is_named(
    running: Running, tmp_path: Path
) -> None:
    run_dir = running.platform.run_dir
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    stranger = start(sleep, log=tmp_path / "s.log", record=tmp_path / "s.json")
    records = read_endpoints(run_dir).processes
    ports = (run_dir / "ports.json").read_text()
    assert down(running.platform) == ["hbase", "kafka", "thrift"]
    assert not any(is_alive(record) for record in records.values())
    assert is_alive(stranger)
    stop(stranger, grace_seconds=5, kill=True)
    assert (run_dir / "ports.json").read_text() == ports
    with pytest.raises(PlatformNotRunning):
        read_endpoints(run_dir)
    (run_dir / "kafka" / "data" / "meta.properties").unlink()
    with pytest.raises(DamagedData, match="make reset"):
        up(running.platform)
    assert (run_dir / "kafka" / "data" / "payments-0").exists()
    assert Layout(run_dir).alive() == {}
    reset(running.platform)
    assert sorted(path.name for path in run_dir.iterdir()) == [".lock"]


def test_a_service_that_cannot_start_is_told_at_once_and_nothing_is_left(tmp_path: Path) -> None:
    platform = Platform(tmp_path, kafka_heap_mb=1, die_with_parent=True)
    with pytest.raises(ProcessFailed, match=r"kafka \(pid \d+\) died while starting(.|\n)*heap"):
        up(platform)
    assert Layout(tmp_path).alive() == {}


def test_an_interrupted_up_stops_what_it_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local", "up", "--run-dir", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while "kafka" not in Layout(tmp_path).alive():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) != 0
    commands = [
        " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    ]
    assert not [command for command in commands if f"{tmp_path}/" in command]


def test_status_of_a_stopped_platform_exits_with_3(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local", "status", "--run-dir", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 3
    assert process.stdout.count("│ stopped") == 3
