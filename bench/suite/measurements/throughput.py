"""One system at full speed over a topic that was filled before it started, for a while."""

import math
import time
from dataclasses import dataclass

from bench.measurement import MeasurementUnsound
from bench.suite.load.topics import Loaded
from bench.suite.measurements.results import Throughput
from bench.suite.observations.observer import Observer
from bench.suite.observations.progress import Progress
from bench.suite.observations.rows_written import batch_ends, rows_written
from bench.suite.observations.steps import Window, steps_of, window_of
from bench.suite.observations.usage import Meter, cpu_seconds_between
from bench.suite.observations.whole_rows import stale_rows
from bench.suite.systems.catalogue import System
from bench.suite.systems.ground import Ground
from bench.suite.systems.place import Place
from jobs.launcher.child_jobs import ChildJob

_STALLED_SECONDS = 180.0
# A system that has just shown its last events has nothing more to write.
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A ground whose topic holds the load of one key distribution."""

    ground: Ground
    keys: str
    loaded: Loaded


def measured(
    filled: Filled,
    system: System,
    place: Place,
    *,
    round_number: int,
    most_seconds: float = math.inf,
) -> Throughput:
    """Run `system` on `place` until all rows are there, or for `most_seconds` after the first.

    Raises `MeasurementUnsound` when it stops making progress, `ChildFailed` when it ends.
    """
    progress = Progress(steps_of(filled.loaded.customers))
    with Meter() as meter:
        stale = _watched(
            filled, system, place, progress=progress, meter=meter, most_seconds=most_seconds
        )
    window = window_of(progress.marks)
    rate = window.events_per_second
    return Throughput(
        workload=filled.ground.workload.name,
        keys=filled.keys,
        system=system.name,
        round_number=round_number,
        events_per_second=rate,
        rows_per_second=_rows_per_event(filled, place) * rate if system.is_stream else None,
        stale_rows=stale,
        **_used(meter, window),
    )


def _watched(
    filled: Filled,
    system: System,
    place: Place,
    *,
    progress: Progress,
    meter: Meter,
    most_seconds: float,
) -> int | None:
    """Run it until `progress` is done or its time is over.

    Returns how many rows do not show their last event, None when it did not get there.
    """
    ground = filled.ground
    processes = ground.endpoints.processes
    hbase = [processes["hbase"].pid, processes["thrift"].pid]
    meter.watch("hbase", hbase, with_memory=False)
    meter.watch("kafka", [processes["kafka"].pid], with_memory=False)
    observer = Observer(place.store, place.table, progress)
    observer.start()
    try:
        running = system.start(ground, place, place.name)
        meter.watch("system", [running.process.pid])
        try:
            _wait(observer, running, most_seconds=most_seconds)
            if not progress.is_done:
                return None
            last = filled.loaded.last_offsets
            patience = _PATIENCE_SECONDS
            return len(stale_rows(place.store, place.table, last, patience_seconds=patience))
        finally:
            running.stop()
    finally:
        observer.stop()


def _wait(observer: Observer, running: ChildJob, *, most_seconds: float) -> None:
    marks, since = 0, time.monotonic()
    deadline = math.inf
    while not observer.progress.is_done and time.monotonic() < deadline:
        running.check()
        if len(observer.progress.marks) > marks:
            deadline = min(deadline, time.monotonic() + most_seconds)
            marks, since = len(observer.progress.marks), time.monotonic()
        if not observer.is_watching and not observer.progress.is_done:
            raise MeasurementUnsound("the observer's connection to HBase was lost")
        if running.process.poll() is not None or time.monotonic() - since > _STALLED_SECONDS:
            raise MeasurementUnsound(
                f"{running.name} made no progress for {time.monotonic() - since:.0f} s after "
                f"{marks} steps; its log is {running.log}"
            )
        time.sleep(0.1)


def _rows_per_event(filled: Filled, place: Place) -> float:
    """Over all batches that were written, whether they are all that there is or not."""
    customers = filled.loaded.customers
    ends = batch_ends(place.store, place.table, list(customers))
    return rows_written(customers, ends) / sum(
        max(offsets) + 1 for offsets in ends.values() if offsets
    )


def _used(meter: Meter, window: Window) -> dict[str, float]:
    samples = {"system": (), **meter.samples()}
    per_million = 1_000_000 / window.events
    cpu = {
        name: per_million
        * cpu_seconds_between(group_samples, window.begin_seconds, window.end_seconds)
        for name, group_samples in samples.items()
    }
    return {
        "cpu_seconds_per_million": cpu["system"],
        "hbase_cpu_seconds_per_million": cpu["hbase"],
        "kafka_cpu_seconds_per_million": cpu["kafka"],
        "peak_rss_mib": max((sample.rss_mib for sample in samples["system"]), default=0.0),
        "peak_pss_mib": max((sample.pss_mib for sample in samples["system"]), default=0.0),
    }
