"""platform.json is read whole or refused with the reason and the remedy."""

import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local.endpoints import Endpoints, default_run_dir, read_endpoints, write_endpoints
from local.errors import PlatformNotRunning
from local.servers.processes import ProcessRecord

GONE = ProcessRecord(pid=os.getpid(), started_at=1.0)


def _endpoints() -> Endpoints:
    me = ProcessRecord(pid=os.getpid(), started_at=psutil.Process().create_time())
    return Endpoints(
        kafka_bootstrap_servers="127.0.0.1:20001",
        hbase_thrift_host="127.0.0.1",
        hbase_thrift_port=20002,
        hbase_zookeeper_port=20003,
        log_folder="/logs",
        started_at="2026-01-01T00:00:00+00:00",
        versions={"kafka": "4.3.1"},
        processes={"kafka": me, "hbase": GONE, "thrift": GONE},
    )


def test_written_endpoints_are_read_back_while_one_process_lives(tmp_path: Path) -> None:
    write_endpoints(tmp_path, _endpoints())
    assert read_endpoints(tmp_path) == _endpoints()


def test_without_a_file_the_message_names_folder_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(PlatformNotRunning, match="run `make up`") as error:
        read_endpoints(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"processes": {"kafka": {}}}'])
def test_a_corrupt_file_counts_as_not_running(tmp_path: Path, content: str) -> None:
    (tmp_path / "platform.json").write_text(content)
    with pytest.raises(PlatformNotRunning, match="cannot be read"):
        read_endpoints(tmp_path)


def test_a_file_left_by_a_dead_platform_is_not_believed(tmp_path: Path) -> None:
    write_endpoints(tmp_path, replace(_endpoints(), processes={"kafka": GONE, "hbase": GONE}))
    with pytest.raises(PlatformNotRunning, match="are gone"):
        read_endpoints(tmp_path)


def test_the_environment_names_the_run_folder(tmp_path: Path) -> None:
    assert default_run_dir({"EVERSCORE_RUN_DIR": str(tmp_path)}) == tmp_path
    assert default_run_dir({}).name == ".everscore"
