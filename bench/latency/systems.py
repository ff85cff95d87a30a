"""The two systems that are compared, each started in a namespace and ended with the block."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.programs import started_program, started_stream
from jobs.launcher.child_jobs import ChildJob
from proofs.stage import Stage


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
