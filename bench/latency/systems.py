"""The two systems that are compared, each started in a namespace and ended with the block."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.launcher.checkout import CHECKOUT
from jobs.launcher.child_jobs import ChildJob
from proofs.stage import Stage

_START_SECONDS = 180.0


def started_stream(
    stage: Stage, namespace: str, *, overrides: Sequence[str] = (), log_name: str = ""
) -> ChildJob:
    """`score_stream` as an operator starts it, once it scores; checkpoints per namespace.

    `overrides` are further settings to try. Started again in the same namespace, it goes on.
    """
    checkpoints = stage.run_dir / "checkpoints" / namespace
    own = [f"hbase.namespace={namespace}", f"stream.checkpoint_root={checkpoints}"]
    options = [part for each in (*own, *overrides) for part in ("--set", each)]
    job = stage.start("score_stream", *options, log_name=log_name or namespace)
    return _ready(job, "scoring ")


def started_program(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    ready: str,
    environ: Mapping[str, str] | None = None,
) -> ChildJob:
    """A program in a process group of its own, once it has printed `ready`; its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # As Spark's workers have it: one thread per model call.
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=CHECKOUT,
            env={**os.environ, **own, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _ready(ChildJob(name, process, log), ready)


def _ready(job: ChildJob, text: str) -> ChildJob:
    try:
        job.wait_for(text, timeout_seconds=_START_SECONDS)
    except BaseException:
        job.stop()
        raise
    return job


@dataclass(frozen=True)
class StreamSystem:
    """`score_stream` as an operator starts it; `overrides` are further settings to try."""

    stage: Stage
    overrides: Sequence[str] = ()

    @contextmanager
    def __call__(self, namespace: str) -> Iterator[ChildJob]:
        """Run it from the topic's beginning, with checkpoints of its own."""
        job = started_stream(self.stage, namespace, overrides=self.overrides)
        try:
            yield job
        finally:
            job.stop()


@dataclass(frozen=True)
class LoopSystem:
    """The plain consumer loop of bench/latency/plain_loop.py in a process of its own."""

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
        command = [sys.executable, "-m", "bench.latency.plain_loop"]
        command += [f"--{name}={value}" for name, value in arguments.items()]
        job = started_program(
            "plain_loop", command, log=stage.log(namespace), ready="loop is ready"
        )
        try:
            yield job
        finally:
            job.stop()
