"""A JVM that has ended is reported in one line that says what helps."""

import io
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from jobs.launcher.outcome import ending_with_exit_code
from reports.terminal import message_of
from streaming.query.spark_jvm import SparkGone, check_jvm

CAUSE_UNKNOWN = "Spark's JVM, which knows the cause, does not answer"


class Unreachable(Exception):
    """As py4j's errors when their JVM is gone: they ask it what happened."""

    def __str__(self) -> str:
        raise ConnectionRefusedError("no Java server")


def session_over(process: "subprocess.Popen[bytes]") -> SparkSession:
    # Nothing but the process: whatever else a session has asks the JVM that is gone.
    context: Any = SimpleNamespace(_gateway=SimpleNamespace(proc=process))
    return cast("SparkSession", SimpleNamespace(sparkContext=context))


def ended_with(code: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", f"import os; os._exit({code})"]
    return subprocess.Popen([*command, "--conf", "spark.driver.memory=1g"])


@pytest.mark.parametrize(
    ("code", "message"),
    [(52, r"too little memory \(1g\): .*spark.driver_memory=4g"), (137, r"by itself \(code 137\)")],
)
def test_an_ended_jvm_is_named_with_what_helps(code: int, message: str) -> None:
    with pytest.raises(SparkGone, match=message):
        check_jvm(session_over(ended_with(code)), is_ending=True)


def test_a_running_jvm_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        check_jvm(session_over(process))


def test_an_error_that_cannot_speak_ends_a_job_in_one_line_all_the_same() -> None:
    assert message_of(Unreachable()) == CAUSE_UNKNOWN
    output = io.StringIO()
    with (
        pytest.raises(SystemExit) as end,
        ending_with_exit_code(Console(file=output, width=200), verbose=False),
    ):
        raise Unreachable
    assert end.value.code == 1
    assert output.getvalue().endswith(f"error: Unreachable: {CAUSE_UNKNOWN}\n")
