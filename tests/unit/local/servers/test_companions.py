"""A companion of the platform runs in the background until it is stopped, once per name."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.servers.companions import start_companion, stop_companions
from local.servers.layout import Layout
from local.servers.platform import Platform, down

WAITING = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_companions(Layout(tmp_path))


def test_a_companion_started_again_takes_the_place_of_the_first(run_dir: Path) -> None:
    log = start_companion(run_dir, "desk", WAITING)
    first = Layout(run_dir).companions()["desk"]
    assert os.getsid(first.pid) == first.pid  # Ctrl-C does not reach it
    assert start_companion(run_dir, "desk", WAITING) == log
    second = Layout(run_dir).companions()["desk"]
    assert second.pid != first.pid
    deadline = time.monotonic() + 20
    while "up" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_down_stops_it_and_names_it(run_dir: Path) -> None:
    start_companion(run_dir, "desk", WAITING)
    assert down(Platform(run_dir)) == ["desk"]
    assert Layout(run_dir).companions() == {}
    assert down(Platform(run_dir)) == []
