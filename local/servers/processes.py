"""Start a detached process, know it again later, and stop exactly that one."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from local import java
from local.errors import ProcessFailed
from local.run_folder import private_files
from local.servers.interrupts import held_back
from reports.files import write_text

# psutil derives the start time from the boot time, which moves by up to a second when the
# clock is set; a pid is not handed out again within 2 s.
_SAME_START_SECONDS = 2.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessRecord:
    """A process that we started: a recycled pid has another start time."""

    pid: int
    started_at: float  # seconds since the epoch


def start(
    command: Sequence[str], *, log: Path, record: Path, die_with_parent: bool = False
) -> ProcessRecord:
    """Start `command` in its own session, its output in `log`, its identity in `record`.

    The log of the previous start is kept as `<name>.1.log`. With `die_with_parent` the kernel
    kills the process when the calling thread ends (Linux only): for tests.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(f".1{log.suffix}"))
    with held_back():
        pid = _spawn(command, log=log, die_with_parent=die_with_parent)
        try:
            process = ProcessRecord(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess as gone:
            raise ProcessFailed(f"{command[0]} ended at once; its output is in {log}") from gone
        write_text(record, json.dumps(asdict(process)) + "\n")
    return process


def read_record(path: Path) -> ProcessRecord | None:
    """The recorded process; None when there is none or the file cannot be read."""
    try:
        fields = json.loads(path.read_text())
        return ProcessRecord(pid=int(fields["pid"]), started_at=float(fields["started_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_alive(record: ProcessRecord | None) -> bool:
    """Whether that very process runs: not a zombie, not another one with the same pid."""
    return _find(record) is not None


def memory_bytes(record: ProcessRecord | None) -> int:
    """Resident memory of the process; 0 when it does not run."""
    process = _find(record)
    if process is None:
        return 0
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def stop(record: ProcessRecord | None, *, grace_seconds: float, kill: bool = False) -> bool:
    """Ask the process to end (SIGTERM), after `grace_seconds` make it (SIGKILL).

    `kill=True` sends SIGKILL at once. Returns False when that process did not run.
    """
    if record is None or not is_alive(record):
        return False
    _signal(record, signal.SIGKILL if kill else signal.SIGTERM)
    if not _ended_within(record, grace_seconds):
        _signal(record, signal.SIGKILL)
        _ended_within(record, grace_seconds)
    return True


def last_lines(log: Path, count: int = 20) -> list[str]:
    """The last lines of a log; empty when there is none."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        return []


def _spawn(command: Sequence[str], *, log: Path, die_with_parent: bool) -> int:
    with private_files(), log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=log.parent,
            env=java.environment(),
            preexec_fn=_kill_me_with_parent() if die_with_parent else None,
        )
    # The child outlives this object on purpose; a return code keeps Python from warning of it.
    process.returncode = 0
    return process.pid


def _signal(record: ProcessRecord, number: signal.Signals) -> None:
    process = _find(record)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _ended_within(record: ProcessRecord, seconds: float) -> bool:
    # psutil's own wait takes an orphan that nobody reaps (a container without an init process)
    # for a running process.
    deadline = time.monotonic() + seconds
    while is_alive(record):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(record.pid, os.WNOHANG)
    return True


def _find(record: ProcessRecord | None) -> "psutil.Process | None":
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started_at) < _SAME_START_SECONDS
        # A killed JVM is a zombie as soon as its first thread ends, but holds its ports until
        # the last one does.
        ended = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
        return process if same and not ended else None
    except psutil.Error:
        return None


def _kill_me_with_parent() -> Callable[[], None]:
    # Loaded before the fork: the child of a fork must not load libraries.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return in_child
