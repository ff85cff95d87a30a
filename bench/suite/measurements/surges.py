"""One system through a surge: much more load for a while, and how it comes back from it."""

import time
from dataclasses import dataclass

from bench.suite.measurements.feeding import feeding, wait_for_end
from bench.suite.measurements.latency import probe_of, wait_for_rows
from bench.suite.measurements.results import Surged
from bench.suite.observations.published import check_published, last_offsets
from bench.suite.observations.surge_times import spans
from bench.suite.observations.usage import Meter
from bench.suite.observations.whole_rows import stale_rows
from bench.suite.systems.catalogue import Kind, System
from bench.suite.systems.ground import Ground
from bench.suite.systems.place import Place
from jobs.launcher.child_jobs import ChildJob
from stores.hbase.connection import Session
from stores.hbase.states import StateTable
from stores.hbase.tables import MARKER_VERSIONS

_SAMPLES_PER_SECOND = 50.0
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Surge:
    """The usual load on uniform keys, and what comes on top of it for `seconds`.

    Before the surge the system warms up for `warm_up_seconds`, then `calm_seconds` are measured;
    after it the usual load goes on for `after_seconds`.
    """

    name: str
    usual_per_second: float
    extra_per_second: float
    extra_keys: str
    seconds: float = 60.0
    warm_up_seconds: float = 20.0
    calm_seconds: float = 20.0
    after_seconds: float = 45.0

    @property
    def lead_seconds(self) -> float:
        """From the load's begin to the surge's."""
        return self.warm_up_seconds + self.calm_seconds

    @property
    def events(self) -> float:
        """How many there are altogether."""
        usual = self.usual_per_second * self.duration_seconds
        return usual + self.extra_per_second * self.seconds

    @property
    def duration_seconds(self) -> float:
        """How long the usual load runs."""
        return self.lead_seconds + self.seconds + self.after_seconds


def measured(
    ground: Ground, system: System, place: Place, *, surge: Surge, round_number: int
) -> Surged:
    """Run `system` on new topics through `surge`.

    Raises `MeasurementUnsound` when nothing becomes readable, or the feed falls behind.
    """
    ground.new_topics()
    probe = probe_of(
        ground,
        place,
        samples_per_second=_SAMPLES_PER_SECOND,
        give_up_seconds=surge.seconds + _PATIENCE_SECONDS,
    )
    with Meter() as meter:
        running = system.start(ground, place, place.name)
        meter.watch("system", [running.process.pid])
        try:
            probe.start()
            begin, end = _fed(ground, running, surge, seed=round_number)
            # Before this process is busy with reading the topic: the probe is one of its threads.
            wait_for_rows(probe, running)
            last = last_offsets(
                ground.stage.kafka, place.topic, client_options=ground.client_options
            )
            stale = stale_rows(place.store, place.table, last, patience_seconds=_PATIENCE_SECONDS)
        finally:
            probe.stop()
            running.stop()
    wanted = (
        surge.usual_per_second * surge.duration_seconds + surge.extra_per_second * surge.seconds
    )
    check_published(ground.stage.kafka, place.topic, wanted=wanted)
    pss = [(sample.at_seconds, sample.pss_mib) for sample in meter.samples()["system"]]
    offset = time.time() - time.monotonic()
    surge_spans = spans(list(probe.samples), begin, end, calm_seconds=surge.calm_seconds)
    return Surged(
        workload=ground.workload.name,
        system=system.name,
        surge=surge.name,
        round_number=round_number,
        extra_events=round(surge.extra_per_second * surge.seconds),
        **surge_spans.percentiles(),
        back_seconds=surge_spans.back_seconds(end),
        before_pss_mib=max((mib for at, mib in pss if at + offset < begin), default=0.0),
        peak_pss_mib=max(mib for _, mib in pss),
        stale_rows=len(stale),
        dropped=_dropped(ground, place) if system.kind is Kind.US else None,
    )


def _fed(ground: Ground, running: ChildJob, surge: Surge, *, seed: int) -> tuple[float, float]:
    """When the surge began and ended, in seconds of the epoch; returns after the usual load."""
    with feeding(
        ground,
        keys="uniform",
        events_per_second=surge.usual_per_second,
        seconds=surge.duration_seconds,
        seed=seed,
    ) as usual:
        until = time.monotonic() + surge.lead_seconds
        while time.monotonic() < until:
            running.check()
            time.sleep(0.2)
        with feeding(
            ground,
            keys=surge.extra_keys,
            events_per_second=surge.extra_per_second,
            seconds=surge.seconds,
            seed=seed + 1000,
        ) as extra:
            begin = time.time()
            wait_for_end(extra, running)
            end = time.time()
        wait_for_end(usual, running)
    return begin, end


def _dropped(ground: Ground, place: Place) -> int:
    session = Session(place.store, retry_seconds=60.0)
    try:
        table = StateTable(session, place.table)
        return sum(
            marker.dropped_from_windows
            for partition in range(ground.partitions)
            for _, marker in table.kept_markers(partition, limit=MARKER_VERSIONS).markers
        )
    finally:
        session.close()
