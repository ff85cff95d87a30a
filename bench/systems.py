"""The two systems that are compared, each started in a namespace and ended with the block."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.stage import Stage
from jobs.child_jobs import ChildJob
from jobs.packages import CHECKOUT

_START_SECONDS = 180.0


@dataclass(frozen=True)
class StreamSystem:
    """`score_stream` as an operator starts it; `overrides` are further settings to try."""

    stage: Stage
    overrides: Sequence[str] = ()

    @contextmanager
    def __call__(self, namespace: str) -> Iterator[ChildJob]:
        """Run it from the topic's beginning, with checkpoints of its own."""
        checkpoints = self.stage.run_dir / "checkpoints" / namespace
        own = [f"hbase.namespace={namespace}", f"stream.checkpoint_root={checkpoints}"]
        options = [part for each in (*own, *self.overrides) for part in ("--set", each)]
        job = self.stage.start("score_stream", *options, log_name=namespace)
        try:
            job.wait_for("scoring ", timeout_seconds=_START_SECONDS)
            yield job
        finally:
            job.stop()


@dataclass(frozen=True)
class LoopSystem:
    """The plain consumer loop of bench/plain_loop.py in a process of its own."""

    stage: Stage

    @contextmanager
    def __call__(self, namespace: str) -> Iterator[ChildJob]:
        """Run it from the topic's beginning."""
        stage = self.stage
        arguments = {
            "bootstrap-servers": stage.kafka.bootstrap_servers,
            "hbase-host": stage.store.host,
            "hbase-port": stage.store.port,
            "namespace": namespace,
            "scenario": stage.scenario,
            "module": stage.module,
        }
        command = [sys.executable, "-m", "bench.plain_loop"]
        command += [f"--{name}={value}" for name, value in arguments.items()]
        log = stage.log(namespace)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                # As Spark's workers have it: one thread per model call.
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        job = ChildJob("plain_loop", process, log)
        try:
            job.wait_for("loop is ready", timeout_seconds=_START_SECONDS)
            yield job
        finally:
            job.stop()
