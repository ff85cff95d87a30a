"""One system killed under load and started again: how long, and whether anything shows it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.measurement import MeasurementUnsound
from bench.suite.measurements.feeding import feeding
from bench.suite.measurements.latency import probe_of
from bench.suite.measurements.results import Recovery
from bench.suite.observations.published import last_offsets
from bench.suite.observations.snapshots import differing_rows, snapshot
from bench.suite.observations.whole_rows import stale_rows
from bench.suite.systems.catalogue import System
from bench.suite.systems.ground import Ground
from bench.suite.systems.place import Place
from jobs.launcher.child_jobs import ChildJob
from monitoring.live.latency_probe import LatencyProbe

# Few: while the system is away, every pick is read again and again.
_SAMPLES_PER_SECOND = 5.0
_GIVE_UP_SECONDS = 150.0
_FEED_SECONDS = 3 * _GIVE_UP_SECONDS  # it is stopped before
# Longer than any system's batches; counted from the last progress.
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Blow:
    """The load, and how long after the first readable row under it the kill comes."""

    events_per_second: float
    keys: str
    kill_after_seconds: float


def measured(
    ground: Ground, system: System, *, place: Place, again: Place, blow: Blow, round_number: int
) -> Recovery:
    """Kill `system` on `place` and start it there again; replay the topic on `again` undisturbed.

    Raises `MeasurementUnsound` when it does not come back. Without history the replay is left out:
    a row depends on its last event alone.
    """
    ground.new_topics()
    recovered = _Recovering(ground, system, place, blow)
    seconds, last, missing = recovered.run(seed=round_number)
    differing = None
    if ground.workload.has_history:
        undisturbed = system.start(ground, again, again.name)
        try:
            _stale(again, last)
        finally:
            undisturbed.stop()
        differing = differing_rows(snapshot(place), snapshot(again))
    return Recovery(
        workload=ground.workload.name,
        system=system.name,
        round_number=round_number,
        seconds=seconds,
        rows=len(last),
        missing_rows=missing,
        differing_rows=differing,
    )


@dataclass(frozen=True)
class _Recovering:
    ground: Ground
    system: System
    place: Place
    blow: Blow

    def run(self, *, seed: int) -> tuple[float, Mapping[str, int], int]:
        """Seconds to the first new row; customer → last offset; how many rows never showed it."""
        running = self.system.start(self.ground, self.place, self.place.name)
        probe = probe_of(
            self.ground,
            self.place,
            samples_per_second=_SAMPLES_PER_SECOND,
            give_up_seconds=2 * _GIVE_UP_SECONDS,
        )
        try:
            probe.start()
            with feeding(
                self.ground,
                keys=self.blow.keys,
                events_per_second=self.blow.events_per_second,
                seconds=_FEED_SECONDS,
                seed=seed,
            ) as feed:
                self._let_run(running, probe)
                running.kill()
                killed_at = time.time()
                running = self.system.start(self.ground, self.place, f"{self.place.name}-again")
                seconds = _back_after(probe, killed_at, running)
                feed.check()
            last = last_offsets(
                self.ground.stage.kafka,
                self.place.topic,
                client_options=self.ground.client_options,
            )
            return seconds, last, _stale(self.place, last)
        finally:
            probe.stop()
            running.stop()

    def _let_run(self, running: ChildJob, probe: LatencyProbe) -> None:
        begun = time.monotonic()
        while not probe.samples:
            running.check()
            if time.monotonic() > begun + _GIVE_UP_SECONDS:
                raise MeasurementUnsound(
                    f"{running.name} wrote no row for {_GIVE_UP_SECONDS:.0f} s; its log is "
                    f"{running.log}"
                )
            time.sleep(0.1)
        until = time.monotonic() + self.blow.kill_after_seconds
        while time.monotonic() < until:
            running.check()
            time.sleep(0.2)


def _back_after(probe: LatencyProbe, killed_at: float, running: ChildJob) -> float:
    """Seconds from the kill to the first readable row of an event dated after it."""
    while time.time() < killed_at + _GIVE_UP_SECONDS:
        running.check()
        readable = [
            sample.readable_at
            for sample in list(probe.samples)
            if sample.readable_at - sample.seconds > killed_at
        ]
        if readable:
            return min(readable) - killed_at
        time.sleep(0.1)
    raise MeasurementUnsound(
        f"{running.name} wrote no new row for {_GIVE_UP_SECONDS:.0f} s after the kill; its log is "
        f"{running.log}"
    )


def _stale(place: Place, last: Mapping[str, int]) -> int:
    return len(stale_rows(place.store, place.table, last, patience_seconds=_PATIENCE_SECONDS))
