"""Keeps Python workers warm while a topic is quiet, so that their models stay loaded.

Spark ends Python workers after 60 s without work (hard-coded). A tiny job through the same
workers resets that clock; it runs only while the query has nothing to do.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from streaming.passes.kind import PassKind
from streaming.passes.settings import PassSettings

_OVERLAP_SECONDS = 0.1


def begin_workers(spark: Any) -> threading.Thread:
    """Let Spark start the process that forks the workers: it imports for seconds, in a thread."""

    def run() -> None:
        with suppress(Exception):  # the query itself reports what is wrong with the workers
            spark.range(0, 1, 1, 1).mapInArrow(_passed_on, "id long").collect()

    thread = threading.Thread(target=run, name="begin-workers", daemon=True)
    thread.start()
    return thread


def _passed_on(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def warm_workers(spark: Any, settings: PassSettings, kind: PassKind) -> None:
    """Run one warming task per core; the first call starts the workers and loads the model."""
    cores = spark.sparkContext.defaultParallelism
    function = partial(kind.warm_up, settings=settings, seconds=_OVERLAP_SECONDS)
    spark.range(0, cores, 1, cores).mapInArrow(function, "id long").collect()


@dataclass
class Heartbeat:
    """A thread that warms the workers every `seconds` while `query` is idle."""

    spark: Any
    query: Any
    settings: PassSettings
    seconds: float
    kind: PassKind

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating; returns once the thread has ended or 5 s have passed."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stop.wait(self.seconds):
            progress = self.query.lastProgress
            if progress is not None and progress["numInputRows"] > 0:
                continue
            try:
                warm_workers(self.spark, self.settings, self.kind)
            except Exception:  # the query itself reports what is wrong with the workers
                continue
