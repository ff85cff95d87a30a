"""Which of Java's compilers a job's Spark is started with."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from conf.settings import Settings, load_settings
from jobs.launcher.checkout import CHECKOUT
from jobs.spark import java_compilers
from jobs.spark.java_compilers import for_long_batches, for_streams

OPTIONS = "spark.driver.extraJavaOptions"


def options(settings: Settings) -> str:
    return settings.spark.conf.get(OPTIONS, "")


def local(*overrides: str) -> Settings:
    return load_settings("local", overrides=overrides, environ={})


def test_streams_compile_what_runs_per_event_fully() -> None:
    java_options = options(for_streams(local()))
    path = CHECKOUT / "conf" / "stream-compiler.json"
    assert f"-XX:CompilerDirectivesFile={path}" in shlex.split(java_options)
    assert "TieredStopAtLevel" not in java_options


def test_streams_start_without_the_file_that_tells_the_compilers_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(java_compilers, "_DIRECTIVES", tmp_path / "gone.json")
    settings = local()
    assert for_streams(settings) is settings


def test_long_batches_compile_everything_fully() -> None:
    assert "TieredStopAtLevel" in options(local())
    assert "TieredStopAtLevel" not in options(for_long_batches(local()))


def test_other_options_are_kept_and_own_ones_win() -> None:
    with_more = local(f"spark.conf.{OPTIONS}=-Xss4m -XX:TieredStopAtLevel=1")
    assert options(for_streams(with_more)).startswith("-Xss4m -XX:+UnlockDiagnosticVMOptions")
    settings = local(f"spark.conf.{OPTIONS}=-XX:+UseParallelGC")
    assert for_streams(settings) is settings


def test_a_cluster_keeps_its_compilers() -> None:
    settings = load_settings("cluster", environ={})
    assert for_streams(settings) is settings


@pytest.mark.skipif(shutil.which("java") is None, reason="java is not on the PATH")
def test_java_takes_the_directives_without_a_word() -> None:
    flags = shlex.split(options(for_streams(local())))
    java = subprocess.run(["java", *flags, "--version"], capture_output=True, text=True, check=True)
    assert "directive" not in java.stdout + java.stderr
    # Wrong directives would end Java, but they are read: a missing file does.
    missing = [flag.replace("stream-compiler", "no-such-file") for flag in flags]
    assert subprocess.run(["java", *missing, "--version"], capture_output=True).returncode != 0
