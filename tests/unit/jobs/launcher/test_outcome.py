"""Exit codes and signals of a job."""

import errno
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from conf.settings import load_settings
from jobs.launcher.outcome import ending_with_exit_code
from jobs.launcher.run import job_run
from jobs.launcher.services import ServiceDown, require_hbase, require_kafka
from scenarios.contract.scenario import UnknownScenario


class Refused(Exception):
    exit_code = 4


def ended(work: Callable[[], None], *, verbose: bool = False) -> tuple[object, str]:
    """Exit code and console of `work` as a job's work."""
    output = io.StringIO()
    try:
        with ending_with_exit_code(Console(file=output, width=200), verbose=verbose):
            work()
    except SystemExit as end:
        return end.code, output.getvalue()
    return 0, output.getvalue()


def raising(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def test_known_error_is_one_line_with_its_exit_code() -> None:
    assert ended(raising(Refused("epoch 3, expected 4"))) == (4, "error: epoch 3, expected 4\n")


def test_unexpected_error_is_told_with_its_traceback() -> None:
    code, output = ended(raising(KeyError("x")))
    assert code == 1
    assert "Traceback" in output
    assert output.endswith("error: KeyError: 'x'\n")


def test_verbose_adds_the_traceback_of_a_known_error() -> None:
    assert "Traceback" in ended(raising(Refused("no")), verbose=True)[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_runs_cleanup_and_gives_its_code(number: signal.Signals, code: int) -> None:
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            cleaned.append(True)

    assert ended(work) == (code, "stopped\n")
    assert cleaned == [True]


def test_error_while_a_signal_is_obeyed_does_not_hide_the_signal() -> None:
    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            raise ConnectionError("the JVM is gone")

    assert ended(work) == (143, "stopped\n")


def test_signal_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert ended(lambda: None) == (0, "")
    assert signal.getsignal(signal.SIGTERM) is before


def test_service_that_is_down_is_named_with_host_and_port() -> None:
    with socket.socket() as unused:  # bound and not listening: nobody else can have the port
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        overrides = [
            f"kafka.bootstrap_servers=127.0.0.1:{port}",
            "hbase.thrift_host=127.0.0.1",
            f"hbase.thrift_port={port}",
        ]
        settings = load_settings("local", overrides=overrides, environ={})
        with pytest.raises(ServiceDown, match=f"Kafka does not answer at 127.0.0.1:{port}"):
            require_kafka(settings.kafka)
        with pytest.raises(
            ServiceDown, match=f"Thrift gateway does not answer at 127.0.0.1:{port}"
        ):
            require_hbase(settings.hbase)


@pytest.mark.parametrize("ask", ["kafka", "hbase"])
def test_service_that_accepts_and_says_nothing_is_down_when_its_time_is_up(ask: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host, port = silent.getsockname()
        overrides = [
            f"kafka.bootstrap_servers={host}:{port}",
            f"hbase.thrift_host={host}",
            f"hbase.thrift_port={port}",
            "kafka.request_timeout_seconds=2",
            "hbase.timeout_seconds=2",
        ]
        settings = load_settings("local", overrides=overrides, environ={})
        started = time.monotonic()
        with pytest.raises(ServiceDown, match=f"{host}:{port}"):
            require_kafka(settings.kafka) if ask == "kafka" else require_hbase(settings.hbase)
        assert time.monotonic() - started < 5


def test_job_run_without_the_platform_ends_with_3(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(SystemExit) as end,
        job_run(
            scenario="churn",
            env="local",
            overrides=[f"platform.run_dir={tmp_path}"],
            needs=("kafka",),
        ),
    ):
        pytest.fail("the work began")
    assert end.value.code == 3
    assert "make up" in capsys.readouterr().err


def test_job_run_with_an_unknown_scenario_ends_with_2() -> None:
    assert UnknownScenario.exit_code == 2
    with pytest.raises(SystemExit) as end, job_run(scenario="chrn", env="local"):
        pytest.fail("the work began")
    assert end.value.code == 2


def test_a_full_disk_is_one_line_that_names_the_file() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/reports/page.html")
    assert ended(raising(error)) == (1, "error: /reports/page.html: No space left on device\n")


def test_a_connection_that_fails_is_told_as_before() -> None:
    code, output = ended(raising(ConnectionResetError(errno.ECONNRESET, "reset")))
    assert code == 1
    assert "Traceback" in output


def test_a_report_on_a_disk_that_takes_no_more_ends_a_job_in_one_line(tmp_path: Path) -> None:
    """The system's limit of a file's size stands for the full disk."""
    process = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "page.html")], capture_output=True, text=True
    )
    assert process.returncode == 1
    assert process.stderr == f"error: {tmp_path / 'page.html'}: File too large\n"
    assert list(tmp_path.iterdir()) == []


FULL = """
import resource, signal, sys
from pathlib import Path
from jobs.launcher.outcome import ending_with_exit_code
from reports.files import write_text
from reports.terminal import Terminal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with ending_with_exit_code(Terminal(stderr=True), verbose=False):
    write_text(Path(sys.argv[1]), "x" * 1_000_000)
"""
