"""A process is identified by pid and start time, and only that very process is ever stopped."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local.servers.processes import (
    ProcessRecord,
    is_alive,
    last_lines,
    memory_bytes,
    read_record,
    start,
    stop,
)

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ProcessRecord]:
    record = start(SLEEP, log=tmp_path / "s.log", record=tmp_path / "s.json", die_with_parent=True)
    yield record
    stop(record, grace_seconds=5, kill=True)


def test_a_started_process_is_alive_and_recorded(sleeper: ProcessRecord, tmp_path: Path) -> None:
    assert is_alive(sleeper)
    assert read_record(tmp_path / "s.json") == sleeper
    assert memory_bytes(sleeper) > 0


def test_a_started_process_has_its_own_session(sleeper: ProcessRecord) -> None:
    assert os.getsid(sleeper.pid) == sleeper.pid


def test_a_recycled_pid_is_neither_alive_nor_stopped(sleeper: ProcessRecord) -> None:
    earlier = replace(sleeper, started_at=sleeper.started_at - 60)
    assert not is_alive(earlier)
    assert not stop(earlier, grace_seconds=1)
    assert is_alive(sleeper)


def test_a_stopped_process_is_gone_and_a_second_stop_says_so(sleeper: ProcessRecord) -> None:
    assert stop(sleeper, grace_seconds=5)
    assert not is_alive(sleeper)
    assert not stop(sleeper, grace_seconds=5)
    assert memory_bytes(sleeper) == 0


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "s.log"
    record = start(STUBBORN, log=log, record=tmp_path / "s.json", die_with_parent=True)
    while not last_lines(log):
        assert is_alive(record)
    assert stop(record, grace_seconds=0.3)
    assert not is_alive(record)


def test_a_process_that_died_by_itself_is_not_alive(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('bye')"]
    record = start(command, log=tmp_path / "s.log", record=tmp_path / "s.json")
    while is_alive(record):
        pass
    assert last_lines(tmp_path / "s.log") == ["bye"]


def test_the_log_of_the_start_before_is_kept(tmp_path: Path) -> None:
    (tmp_path / "s.log").write_text("earlier\n")
    command = [sys.executable, "-c", ""]
    start(command, log=tmp_path / "s.log", record=tmp_path / "s.json")
    assert (tmp_path / "s.1.log").read_text() == "earlier\n"


def test_a_damaged_or_missing_record_reads_as_none(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    assert read_record(path) is None
    for content in ("", "[]", '{"pid": 1}', '{"pid": "x", "started_at": 1}'):
        path.write_text(content)
        assert read_record(path) is None
    assert not is_alive(None)
