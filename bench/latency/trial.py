"""One measurement of one system: start, catch up, warm up under load, measure, end."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.latency.figures import figures_of
from bench.latency.keeping_up import Follower
from bench.measurement import MeasurementUnsound, in_window
from jobs.launcher.child_jobs import ChildJob
from monitoring.live.latency_probe import LatencyProbe
from proofs.load import Load
from proofs.stage import Stage
from stores.hbase.connection import HBaseStore

_CATCH_UP_SECONDS = 300.0
# A system that keeps up has nothing left to do a moment after the last event.
_LAG_SECONDS = 5.0
_LEAST_SHARE_OF_SAMPLES = 0.5

System = Callable[[str], AbstractContextManager[ChildJob]]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one measurement gave; latencies in seconds from event time to readable row."""

    system: str
    round_number: int
    latencies_seconds: list[float]
    events_per_second: float


def measured(name: str, system: System, *, stage: Stage, load: Load, round_number: int) -> Trial:
    """Run `system` in a namespace of its own under `load`.

    Raises `FellBehind` when it does not keep up, `MeasurementUnsound` when events that the probe
    picked never became readable.
    """
    # On a platform that is used again, an earlier measurement's tables are another's.
    namespace = f"bench_{name}_{round_number}_{int(time.time())}"
    store = stage.with_namespace(namespace)
    follower = Follower(stage.kafka, store, stage.scenario)
    with system(namespace) as running:
        began = time.monotonic()
        events = follower.wait_until_scored(running, timeout_seconds=_CATCH_UP_SECONDS)
        took = time.monotonic() - began
        stage.tell(
            f"round {round_number}, {name}: caught up with {events:,} events in {took:.0f} s"
        )
        probe = _started_probe(stage, store)
        try:
            stage.publish_follow_ups(load, seed=round_number, watch=running)
            ended = time.monotonic()
            published = follower.wait_until_scored(running, timeout_seconds=_LAG_SECONDS) - events
            lag_seconds = time.monotonic() - ended
            time.sleep(0.5)  # rows of the last events are there; the probe reads every few ms
        finally:
            probe.stop()
    trial = Trial(
        system=name,
        round_number=round_number,
        latencies_seconds=in_window(probe, load),
        events_per_second=published / load.duration_seconds,
    )
    _check(trial, probe, load)
    figures = figures_of(trial.latencies_seconds)
    stage.tell(
        f"round {round_number}, {name}: p50 {figures.p50_ms:.0f} ms p99 {figures.p99_ms:.0f} ms, "
        f"{published:,} events, the last one scored within {lag_seconds:.1f} s"
    )
    return trial


def _started_probe(stage: Stage, store: HBaseStore) -> LatencyProbe:
    topic = f"{stage.scenario}.events"
    probe = LatencyProbe(stage.kafka, topic, stage.scenario, store)
    probe.start()
    return probe


def _check(trial: Trial, probe: LatencyProbe, load: Load) -> None:
    lost = probe.missed + probe.waiting
    if lost:
        raise MeasurementUnsound(f"{trial.system}: {lost} picked events never became readable")
    expected = probe.samples_per_second * load.seconds
    if len(trial.latencies_seconds) < _LEAST_SHARE_OF_SAMPLES * expected:
        raise MeasurementUnsound(
            f"{trial.system}: {len(trial.latencies_seconds)} samples, expected about {expected:.0f}"
        )
    if trial.events_per_second < 0.95 * load.events_per_second:
        raise MeasurementUnsound(
            f"{trial.system}: the load reached {trial.events_per_second:,.0f} events/s, expected "
            f"{load.events_per_second:,.0f}: the machine is too busy for it"
        )
