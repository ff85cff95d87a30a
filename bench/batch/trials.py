"""What `bench.batch` measures: scikit-learn alone, the job's steps, and the fold."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from pyspark.sql import DataFrame
from threadpoolctl import threadpool_limits

from batch.records.limits import EventLimits
from batch.training_sets.event_features import event_features
from bench.batch.crowd import MAX_EVENT_BYTES, MAX_SKEW_SECONDS, decoder, records_of
from features.fold.fold import distinct, fold
from features.fold.readout import features_of_states, states_in
from jobs.wiring.batch_scoring import BatchSteps
from scenarios.churn.scenario import SCENARIO

# scikit-learn scores quickest somewhere between these; the quickest of a round is what counts.
CHUNKS = (10_000, 50_000, 1_000_000)
_FOLD_BATCH = 4_000  # events of an Arrow batch in the stream


@dataclass(frozen=True)
class Rate:
    """Rows a second of wall-clock time, and rows a second of CPU over all working processes.

    On a machine that does nothing else the first is the one that counts; on a busy one the second
    is the steadier.
    """

    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round's rates: scikit-learn's on one core, the job's on `cores` cores."""

    number: int
    alone: Rate
    job: Rate
    plain_job: Rate
    cores: int
    load: float

    @property
    def ratio(self) -> float:
        """The job's rate per core as a share of scikit-learn's."""
        return self.job.wall / self.cores / self.alone.wall

    @property
    def cpu_ratio(self) -> float:
        """The same per second of CPU."""
        return self.job.cpu / self.alone.cpu

    @property
    def plain_ratio(self) -> float:
        """The first ratio with scikit-learn's own predictor inside the job."""
        return self.plain_job.wall / self.cores / self.alone.wall

    @property
    def plain_cpu_ratio(self) -> float:
        """The second one likewise."""
        return self.plain_job.cpu / self.alone.cpu


class Stopwatch:
    """Wall-clock time, and CPU of this process and all below it, since it was created."""

    def __init__(self) -> None:
        self._began, self._cpu = time.perf_counter(), _cpu_seconds()

    def rate(self, rows: int) -> Rate:
        """Rows a second until now."""
        wall, cpu = time.perf_counter() - self._began, _cpu_seconds() - self._cpu
        return Rate(rows / wall, rows / cpu)


def _cpu_seconds() -> float:
    this_process = psutil.Process()
    total = 0.0
    for process in (this_process, *this_process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            ended = 0.0 if process == this_process else times.children_user + times.children_system
            total += times.user + times.system + ended
    return total


def features_in(states: DataFrame) -> npt.NDArray[np.float64]:
    """The feature rows (n, k) of a states table."""
    cells = states.select("cell").toArrow().column("cell")
    parts = [states_in(SCENARIO.codec, chunk) for chunk in cells.chunks]
    plan = SCENARIO.plan
    return np.concatenate([features_of_states(plan, part, at_ms=None)[0] for part in parts])


def alone(estimator: Any, features: npt.NDArray[np.float64]) -> Rate:
    """The rate of `predict_proba` on one core, in the chunks that are quickest."""
    rates = []
    with threadpool_limits(limits=1):
        for chunk in CHUNKS:
            watch = Stopwatch()
            for first in range(0, len(features), chunk):
                estimator.predict_proba(features[first : first + chunk])
            rates.append(watch.rate(len(features)))
    return Rate(max(rate.wall for rate in rates), max(rate.cpu for rate in rates))


def scoring_round(
    number: int, steps: BatchSteps, states: DataFrame, features: npt.NDArray[np.float64]
) -> Round:
    """scikit-learn and both forms of the job in turn; the order changes from round to round."""
    plain = replace(steps, scorer=replace(steps.scorer, is_plain=True))
    predictor: Any = steps.scorer.model.predictor
    measures: dict[str, Callable[[], Rate]] = {
        "alone": lambda: alone(predictor.estimator, features),
        "job": lambda: _score(steps, states, len(features), 2 * number),
        "plain_job": lambda: _score(plain, states, len(features), 2 * number + 1),
    }
    names = list(measures) if number % 2 else list(reversed(measures))
    load = os.getloadavg()[0]
    rates = {name: measures[name]() for name in names}
    return Round(number=number, cores=len(os.sched_getaffinity(0)), load=load, **rates)


def _score(steps: BatchSteps, states: DataFrame, rows: int, run_number: int) -> Rate:
    tables = replace(steps.tables, run=f"{steps.tables.run}-{run_number}")
    trial_steps = replace(steps, tables=tables)
    watch = Stopwatch()
    trial_steps.score(states)
    return watch.rate(rows)


def fold_rate(events: Sequence[tuple[bytes, bytes]]) -> float:
    """Events a second of decoding and folding on one core, with states as cells, as batch does."""
    reader, codec = decoder(), SCENARIO.codec
    cells: dict[str, bytes] = {}
    began = time.perf_counter()
    for first in range(0, len(events), _FOLD_BATCH):
        decoded = reader.decode(records_of(events[first : first + _FOLD_BATCH]))
        entities = distinct(decoded.entities)
        states = codec.decode([cells.get(record_id) for record_id in entities.ids])
        stamps = np.arange(first, first + len(decoded.rows))
        fold(codec.plan, states, decoded, entity_rows=entities.rows, stamps=stamps, partition=0)
        cells.update(zip(entities.ids, codec.encode(states), strict=True))
    return len(events) / (time.perf_counter() - began)


def fold_job_rate(records: DataFrame, *, count: int) -> float:
    """Events a second of the fold as a Spark job over a Delta table of archived records."""
    limits = EventLimits(max_event_bytes=MAX_EVENT_BYTES, max_future_skew_seconds=MAX_SKEW_SECONDS)
    began = time.perf_counter()
    features = event_features(records, SCENARIO, limits)
    features.write.format("noop").mode("overwrite").save()
    return count / (time.perf_counter() - began)
