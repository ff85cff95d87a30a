"""Two commands exclude one another, and waiting ends at once when the process dies."""

import sys
import threading
import time
from pathlib import Path

import pytest

from local.errors import PlatformBusy, ProcessFailed
from local.lock import file_lock
from local.servers.processes import start, stop
from local.servers.waiting import Watched, wait_until_answers


def test_a_held_lock_is_waited_for_and_told_once(tmp_path: Path) -> None:
    messages = list[str]()
    with (
        file_lock(tmp_path / "lock", timeout_seconds=1),
        pytest.raises(PlatformBusy, match="held by another command"),
        file_lock(tmp_path / "lock", timeout_seconds=0.3, on_wait=lambda: messages.append("wait")),
    ):
        pass
    assert messages == ["wait"]


def test_a_freed_lock_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with file_lock(tmp_path / "lock", timeout_seconds=0):
            pass


def test_a_death_while_waiting_is_told_at_once_with_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    command = [sys.executable, "-c", "print('no space left')"]
    record = start(command, log=log, record=tmp_path / "kafka.json")
    start_seconds = time.monotonic()
    with pytest.raises(ProcessFailed, match="no space left") as error:
        wait_until_answers(
            lambda: False,
            watched=[Watched("kafka", record, log)],
            timeout_seconds=60,
            cancelled=threading.Event(),
        )
    assert time.monotonic() - start_seconds < 5
    assert str(log) in str(error.value)


def test_a_process_that_never_answers_is_named_after_the_timeout(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    record = start(command, log=log, record=tmp_path / "kafka.json", die_with_parent=True)
    with pytest.raises(ProcessFailed, match="did not answer within 0 s"):
        wait_until_answers(
            lambda: False,
            watched=[Watched("kafka", record, log)],
            timeout_seconds=0.2,
            cancelled=threading.Event(),
        )
    stop(record, grace_seconds=5, kill=True)


def test_a_cancelled_wait_returns(tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    wait_until_answers(lambda: False, watched=[], timeout_seconds=60, cancelled=cancelled)
