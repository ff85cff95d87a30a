"""A stage leaves no job behind, however its block ends."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from jobs.launcher.child_jobs import ChildJob
from proofs.stage import Stage, stopping_children
from stores.hbase.connection import HBaseStore
from stores.kafka.cluster import KafkaCluster


def sleeping(folder: Path) -> ChildJob:
    """A job that runs until it is stopped."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return ChildJob("sleep", process, folder / "sleep.log")


def fail_with_two_jobs(stage: Stage, folder: Path) -> None:
    stage.children.extend(sleeping(folder) for _ in range(2))
    raise LookupError("no proof")


def test_jobs_that_still_run_are_stopped_when_the_block_ends_with_an_error(tmp_path: Path) -> None:
    stage = Stage(
        run_dir=tmp_path,
        kafka=KafkaCluster("127.0.0.1:1"),
        store=HBaseStore("127.0.0.1", 1),
        scenario="tiny",
        module="tests.scenarios.tiny",
        console=Console(file=io.StringIO()),
    )
    with pytest.raises(LookupError), stopping_children(stage):
        fail_with_two_jobs(stage, tmp_path)
    assert [child.process.poll() for child in stage.children] == [-15, -15]
