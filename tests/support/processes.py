"""The processes of a running job, so that a test can kill one of them for real."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Job:
    """A started job or another long command, its output in `log`."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self, victim: str) -> None:
        """SIGKILL the `driver` (Python), the `jvm`, an `executor` JVM or a Python `worker`."""
        self._process(victim).kill()

    @contextmanager
    def paused(self, part: str) -> Iterator[None]:
        """One of the parts that `kill` knows does nothing until the end of the block."""
        process = self._process(part)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def terminate(self, *, timeout: float = 60.0) -> int:
        """SIGTERM the job as an operator would, and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout)

    def end(self) -> None:
        """Kill the job's processes, whatever state it is in."""
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            family = []
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        for child in family:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue

    def wait_for(self, text: str, *, timeout: float) -> None:
        """Wait until `text` is in the log; an ended job or time over is an error with the log."""
        wait_until(
            lambda: text in self.output() or self.process.poll() is not None,
            timeout=timeout,
            what=f"{text!r} in the job's log:\n{self.output()[-4000:]}",
        )
        assert text in self.output(), f"job ended ({self.process.poll()}):\n{self.output()[-6000:]}"

    def output(self) -> str:
        """What the job has printed so far."""
        return self.log.read_text(errors="replace")

    def _process(self, part: str) -> psutil.Process:
        if part == "driver":
            return self._python_driver()
        if part == "jvm":
            return self._children(_is_driver_jvm)[0]
        if part == "executor":
            return self._children(_is_executor)[0]
        workers = self._workers()
        return workers[len(workers) // 2]

    def _workers(self) -> list[psutil.Process]:
        # Forked by the daemon: processes of its command line whose parent has it, too.
        daemons = self._children(_is_daemon)
        pids = {daemon.pid for daemon in daemons}
        return [daemon for daemon in daemons if daemon.ppid() in pids]

    def _python_driver(self) -> psutil.Process:
        return psutil.Process(self.process.pid)

    def _children(self, condition: Callable[[Sequence[str]], bool]) -> list[psutil.Process]:
        children = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if condition(child.cmdline()):
                    children.append(child)
            except psutil.NoSuchProcess:
                continue
        return children


def start_job(
    arguments: Sequence[str],
    *,
    log: Path,
    environ: Mapping[str, str] | None = None,
    script: Path = ROOT / "spark-submit.sh",
) -> Job:
    """Run `script` with `arguments` in its folder; stdout and stderr go to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(script), *arguments],
            cwd=script.parent,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Job(process, log)


def wait_until(condition: Callable[[], bool], *, timeout: float, what: str) -> None:
    """Poll `condition` until true; raises with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:.0f} s still no {what}")
        time.sleep(0.1)


def _is_driver_jvm(command: Sequence[str]) -> bool:
    return bool(command) and "java" in command[0] and any("SparkSubmit" in part for part in command)


def _is_executor(command: Sequence[str]) -> bool:
    return any("CoarseGrainedExecutorBackend" in part for part in command)


def _is_daemon(command: Sequence[str]) -> bool:
    return any("worker_daemon" in part or "pyspark.daemon" in part for part in command)
