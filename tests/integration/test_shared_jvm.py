"""Jobs share a Java one after the other, and have their own where that is not possible."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from conf.settings import load_settings
from jobs.spark.shared_jvm import shared_jvm

CHECKOUT = Path(__file__).resolve().parents[2]
SESSION = """
import sys
from conf.settings import load_settings
from jobs.spark.session import spark_session

settings = load_settings("local", overrides=sys.argv[2:])
with spark_session(settings, app_name="shares", at_once=True, with_delta=True) as spark:
    java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()
    rows = spark.range(1_000).selectExpr("sum(id) AS total").first()["total"]
    print(java, rows, spark.conf.get("spark.sql.session.timeZone"), flush=True)
    if sys.argv[1] == "waits":
        sys.stdin.readline()
"""

DYING = """
from conf.settings import load_settings
from jobs.spark.session import spark_session

with spark_session(load_settings("local"), app_name="dies", at_once=True) as spark:
    spark.sparkContext._jvm.java.lang.Runtime.getRuntime().halt(52)
"""


@contextmanager
def job(variables: Mapping[str, str], *settings: str, waits: bool) -> Iterator[tuple[int, int]]:
    """A process with a Spark session: its own id, and that of the Java it found."""
    options = ["waits" if waits else "ends", *settings]
    process = subprocess.Popen(
        [sys.executable, "-c", SESSION, *options],
        cwd=CHECKOUT,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = next((line for line in process.stdout if line.endswith("UTC\n")), "")
        assert line, f"the job ended with {process.wait(60)}"
        java, rows, _ = line.split()
        assert int(rows) == sum(range(1_000))
        yield process.pid, int(java)
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()


def java_of(variables: Mapping[str, str], *settings: str) -> int:
    """The id of the Java in which a job has run, from start to end."""
    with job(variables, *settings, waits=False) as (_, java):
        return java


def test_jobs_share_a_java_where_that_is_possible(tmp_path: Path) -> None:
    with shared_jvm(load_settings("local"), log=tmp_path / "spark.log") as variables:
        shared = java_of(variables)
        assert java_of(variables) == shared
        assert java_of(variables, "spark.driver_memory=900m") != shared
        assert java_of({}) != shared
        with job(variables, waits=True) as (_, java):
            assert java == shared
            assert java_of(variables) != shared  # one session at a time
        assert java_of(variables) == shared
    # Its end: the variables of a block that is over lead nowhere.
    assert not Path(f"/proc/{shared}").exists()
    assert java_of(variables) != shared


def test_what_a_killed_job_left_behind_disturbs_nobody(tmp_path: Path) -> None:
    with shared_jvm(load_settings("local"), log=tmp_path / "spark.log") as variables:
        with suppress(AssertionError), job(variables, waits=True) as (process, shared):
            os.kill(process, signal.SIGKILL)
        assert java_of(variables) != shared


def test_a_shared_java_that_dies_under_a_job_is_named(tmp_path: Path) -> None:
    with shared_jvm(load_settings("local"), log=tmp_path / "spark.log") as variables:
        process = subprocess.Popen(
            [sys.executable, "-c", DYING],
            cwd=CHECKOUT,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        _, errors = process.communicate(timeout=120)
    sentence = "SparkGone: the Java that this job shared has ended: start the job again"
    assert sentence in errors, errors
