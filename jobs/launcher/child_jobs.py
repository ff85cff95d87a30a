"""Other jobs as child processes of a job: their output in a log, their end awaited or asked for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.launcher.checkout import CHECKOUT

_TAIL_LINES = 15


class ChildFailed(RuntimeError):
    """A step's job ended with an error; the message holds its last lines."""

    exit_code = 1


@dataclass
class ChildJob:
    """A started job."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        """All that it has printed so far."""
        return self.log.read_text(errors="replace")

    def result(self) -> str:
        """What it has printed on stdout: JSON or CSV, where it was asked for."""
        return self.log.with_suffix(".out").read_text()

    def check(self, *, allowed: Collection[int] = (0,)) -> None:
        """Raise `ChildFailed` when it has ended with another exit code than those `allowed`."""
        code = self.process.poll()
        if code is not None and code not in allowed:
            tail = "\n".join(self.output().splitlines()[-_TAIL_LINES:])
            raise ChildFailed(f"{self.name} ended with {code}; its log is {self.log}:\n{tail}")

    def finish(self, *, allowed: Collection[int] = (0,)) -> str:
        """Wait for its end and return its output; raises `ChildFailed`, see `check`."""
        self.process.wait()
        self.check(allowed=allowed)
        return self.output()

    def wait_for(self, text: str, *, timeout_seconds: float) -> None:
        """Wait until it has printed `text`; raises `ChildFailed` when it ends or takes longer."""
        deadline = time.monotonic() + timeout_seconds
        while text not in self.output():
            self.check()
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ChildFailed(f"{self.name} did not print {text!r}; its log is {self.log}")
            time.sleep(0.2)

    def kill(self) -> None:
        """SIGKILL it and all that it has started, without a chance to clean up."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, *, grace_seconds: float = 30.0) -> None:
        """SIGTERM, and SIGKILL after `grace_seconds`."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_child(
    arguments: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None
) -> ChildJob:
    """Start `./spark-submit.sh ARGUMENTS` with its output in `log` (emptied first).

    What it prints on stdout, its result, goes to `log` with the suffix .out; `environ` is added to
    this process's environment.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "EVERSCORE_PYTHON": sys.executable, **(environ or {})}
    with log.open("wb") as output, log.with_suffix(".out").open("wb") as result:
        process = subprocess.Popen(
            [str(CHECKOUT / "spark-submit.sh"), *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=result,
            stderr=output,
            # Ctrl-C reaches the demo alone; it stops its children itself, in order.
            start_new_session=True,
        )
    return ChildJob(arguments[0], process, log)
