"""Spark's Python daemon as we start it, with this test in the place of Spark's JVM."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pyspark.serializers import UTF8Deserializer, read_int

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60.0


@pytest.fixture
def sockets() -> Iterator[str]:
    """A folder for its sockets, whose paths may have 107 characters."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


@pytest.fixture
def daemon(sockets: str) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon's process; closing its stdin ends it."""
    environment = {
        **os.environ,
        "PYTHON_UNIX_DOMAIN_ENABLED": "true",
        "PYTHON_WORKER_FACTORY_SOCK_DIR": sockets,
        "PYTHON_DAEMON_KILL_WORKER_ON_FLUSH_FAILURE": "1",
        "SPARK_REUSE_WORKER": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "streaming.worker_daemon", "pyspark.worker"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_worker_without_a_task_ends_without_a_word_when_spark_lets_it_go(
    daemon: subprocess.Popen[bytes],
) -> None:
    assert daemon.stdout
    address = UTF8Deserializer().loads(daemon.stdout)  # type: ignore[no-untyped-call]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as spark:
        spark.settimeout(SECONDS)
        spark.connect(address)
        with spark.makefile("rb") as answers:
            worker = psutil.Process(read_int(answers))  # type: ignore[no-untyped-call]
    worker.wait(SECONDS)
    _, stderr = daemon.communicate(timeout=SECONDS)
    assert stderr == b""
