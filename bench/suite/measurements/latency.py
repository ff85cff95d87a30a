"""One system under a steady load: from an event's own time to its readable row."""

import time
from dataclasses import dataclass, replace

import numpy as np

from bench.measurement import MS_PER_SECOND, MeasurementUnsound, in_window
from bench.suite.measurements.feeding import feeding, wait_for_end
from bench.suite.measurements.results import Latency
from bench.suite.observations.published import check_published
from bench.suite.observations.usage import Meter, cpu_seconds_between
from bench.suite.systems.catalogue import System
from bench.suite.systems.ground import Ground
from bench.suite.systems.place import Place
from jobs.launcher.child_jobs import ChildJob
from monitoring.live.latency_probe import LatencyProbe
from proofs.load import Load

# Enough for a 99.9th percentile in two rounds, few enough that HBase does not notice.
_SAMPLES_PER_SECOND = 100.0
_LAG_SECONDS = 10.0
_FIRST_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class SteadyLoad:
    """A load with the keys that it goes to."""

    load: Load
    keys: str


def measured(
    ground: Ground, system: System, place: Place, *, steady: SteadyLoad, round_number: int
) -> Latency:
    """Run `system` on new topics under the load.

    Raises `MeasurementUnsound` when it does not keep up, or the load does not reach its rate.
    """
    ground.new_topics()
    running = system.start(ground, place, place.name)
    try:
        probe, cpu_seconds = _probed(ground, place, running, steady=steady, seed=round_number)
    finally:
        running.stop()
    samples = in_window(probe, steady.load)
    _check(ground, system, probe, steady.load)
    p50, p99, p999 = np.percentile(np.asarray(samples) * MS_PER_SECOND, (50, 99, 99.9)).tolist()
    cold = in_window(probe, replace(steady.load, warm_up_seconds=0.0, seconds=_FIRST_SECONDS))
    first_p50, first_p99 = np.percentile(np.asarray(cold) * MS_PER_SECOND, (50, 99)).tolist()
    measured_events = steady.load.events_per_second * steady.load.seconds
    return Latency(
        workload=ground.workload.name,
        system=system.name,
        round_number=round_number,
        events_per_second=steady.load.events_per_second,
        samples=len(samples),
        p50_ms=p50,
        p99_ms=p99,
        p999_ms=p999,
        first_p50_ms=first_p50,
        first_p99_ms=first_p99,
        cpu_ms_per_event=cpu_seconds * MS_PER_SECOND / measured_events,
    )


def probe_of(
    ground: Ground, place: Place, *, samples_per_second: float, give_up_seconds: float = 60.0
) -> LatencyProbe:
    """A probe of the place's topic and table, not started."""
    return LatencyProbe(
        ground.stage.kafka,
        place.topic,
        place.table,
        place.store,
        samples_per_second=samples_per_second,
        give_up_seconds=give_up_seconds,
    )


def _probed(
    ground: Ground, place: Place, running: ChildJob, *, steady: SteadyLoad, seed: int
) -> tuple[LatencyProbe, float]:
    """The probe after the load has run and its last events have had time to be readable.

    And the seconds of CPU that the system used in the measured time.
    """
    probe = probe_of(ground, place, samples_per_second=_SAMPLES_PER_SECOND)
    probe.start()
    try:
        with (
            Meter() as meter,
            feeding(
                ground,
                keys=steady.keys,
                events_per_second=steady.load.events_per_second,
                seconds=steady.load.duration_seconds,
                seed=seed,
            ) as feed,
        ):
            meter.watch("system", [running.process.pid], with_memory=False)
            wait_for_end(feed, running)
            ended = time.monotonic()
        wait_for_rows(probe, running)
    finally:
        probe.stop()
    used = meter.samples()["system"]
    return probe, cpu_seconds_between(used, ended - steady.load.seconds, ended)


def wait_for_rows(probe: LatencyProbe, running: ChildJob) -> None:
    """Return when all picked events are readable, or 10 s after the load."""
    deadline = time.monotonic() + _LAG_SECONDS
    while probe.waiting and time.monotonic() < deadline:
        running.check()
        time.sleep(0.05)


def _check(ground: Ground, system: System, probe: LatencyProbe, load: Load) -> None:
    wanted = load.events_per_second * load.duration_seconds
    check_published(ground.stage.kafka, ground.workload.topic, wanted=wanted)
    lost = probe.missed + probe.waiting
    if lost or not probe.samples:
        raise MeasurementUnsound(
            f"{system.name} does not keep up with {load.events_per_second:,.0f} events/s: {lost} "
            f"of the picked events were not readable {_LAG_SECONDS:.0f} s after the last one"
        )
