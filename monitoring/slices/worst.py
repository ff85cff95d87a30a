"""Slices that predictions are worse in than elsewhere, with few false names.

A slice is looked for in some periods and tested on later ones: what it was picked for by chance is
not there again. Its loss in excess of what its calibrated scores promise is compared with that of
all other cases, so a slice that is only harder, and a fall that all slices share, name none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from monitoring.cases import Cases
from monitoring.estimate.anytime_bound import lower_bounds, shared_delta
from monitoring.estimate.calibration import Calibration
from monitoring.estimate.losses import Loss
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm, Maturity, Measurement
from monitoring.quality.measurements import measured_cases, part_quality
from monitoring.quality.options import QualityOptions
from monitoring.slices.parts import SlicedValues, gap_of, gaps, pooled, rows_of

_TIGHTEST_PERIODS = 3.0
_LEAST_CASES = 10  # of a period, inside the slice and outside


@dataclass(frozen=True, kw_only=True)
class SliceOptions:
    """How slices are looked for and tested.

    quality          whose labels count, and how many a slice needs (`least_labels`)
    search_periods   mature periods, the newest ones, in which slices are looked for
    search_level     share of searches that may pick any slice by chance (Holm's procedure)
    budget           probability of any false alarm in the whole life of a model
    tolerated_rise   share of the reference's mean loss that a slice's may be above the rest's
    margin           the same in units of the loss, when the reference is known (`with_margin`)
    test_periods     periods after which a test without an alarm ends
    """

    quality: QualityOptions = field(default_factory=QualityOptions)
    loss: Loss = field(default_factory=Loss)
    search_periods: int = 4
    search_level: float = 0.05
    budget: float = 0.05
    tolerated_rise: float = 0.0
    margin: float = 0.0
    test_periods: int = 8

    def with_margin(self, reference_periods: Sequence[PeriodData]) -> Self:
        """The same with the margin by the labelled cases of the reference."""
        parts = [data.cases.where(data.cases.is_labelled) for data in reference_periods]
        losses = np.concatenate([self.loss.of_labels(part, part.labels) for part in parts])
        return replace(self, margin=self.tolerated_rise * float(losses.mean()))


@dataclass(frozen=True, kw_only=True)
class WorstSlice:
    """A slice that a search picked: how much its loss is above that of the rest, and its p-value.

    p_value: one-sided and adjusted by Holm's procedure for all slices of the search
    """

    part: str
    excess: float
    error: float
    labels: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class SliceTest:
    """The test of one slice on the periods after the search that picked it.

    lower_bounds: of the mean excess, per period from `first_period` on
    """

    picked: WorstSlice
    first_period: int
    delta: float
    numbers: tuple[int, ...]
    lower_bounds: tuple[float, ...]
    alarm_period: int | None


def worst_slices(
    cases: Cases, *, calibration: Calibration, options: SliceOptions
) -> tuple[WorstSlice, ...]:
    """Slices of labelled cases with more excess loss than the rest, the surest first.

    After one is named the search goes on among the remaining cases, so that neither its own parts
    nor slices that overlap with it are named for its sake.
    """
    return _worst(_excess(cases, calibration, options), options)


def _worst(sliced: SlicedValues, options: SliceOptions) -> tuple[WorstSlice, ...]:
    from scipy.stats import norm

    slices: list[WorstSlice] = []
    while len(sliced):
        candidates = [
            gap for gap in gaps(sliced, least=options.quality.least_labels) if gap.error > 0.0
        ]
        if not candidates:
            break
        scores = np.array([(gap.gap - options.margin) / gap.error for gap in candidates])
        surest = candidates[int(scores.argmax())]
        # Holm's procedure: the smallest p-value counts as many times as there are hypotheses.
        p_value = min(float(norm.sf(scores.max())) * len(candidates), 1.0)
        if p_value > options.search_level:
            break
        slices.append(
            WorstSlice(
                part=surest.part,
                excess=surest.gap,
                error=surest.error,
                labels=surest.count,
                p_value=p_value,
            )
        )
        sliced = sliced.where(~sliced.rows_of(surest.part))
    return tuple(slices)


def slice_tests(
    mature: Sequence[PeriodData],
    *,
    calibration: Calibration,
    options: SliceOptions,
) -> tuple[SliceTest, ...]:
    """All tests of a model's life, in the order in which they began.

    mature: mature periods of one model, oldest first. The budget is divided among the tests in
    their order (`shared_delta`), so however many slices are picked the probability of any false
    alarm in the whole life is at most the budget. A pure function of the periods: what it said of
    a period never changes when later ones come.
    """
    excess = [_excess(data.cases, calibration, options) for data in mature]
    numbers = [data.period.number for data in mature]
    tests: list[SliceTest] = []
    for newest in range(len(mature)):
        begin = newest + 1 - options.search_periods
        if begin < 0:
            continue
        busy = {
            test.picked.part
            for test in tests
            if numbers[newest] < test.first_period + options.test_periods
        }
        for picked in _worst(pooled(excess[begin : newest + 1]), options):
            if picked.part not in busy:
                later = slice(newest + 1, newest + 1 + options.test_periods)
                delta = shared_delta(options.budget, len(tests))
                tests.append(_test(picked, excess[later], numbers[later], delta, options))
    return tuple(test for test in tests if test.numbers)


def slice_alarms(
    tests: Sequence[SliceTest], *, period: int, options: SliceOptions
) -> tuple[Alarm, ...]:
    """The alarms of a mature period: tests whose bound is above the margin in it."""
    alarms = []
    for test in tests:
        if period not in test.numbers:
            continue
        bound = test.lower_bounds[test.numbers.index(period)]
        if bound <= options.margin:
            continue
        alarms.append(
            Alarm(
                kind="slice",
                subject=test.picked.part,
                value=bound,
                bound=options.margin,
                sentence=(
                    f"In {test.picked.part} the loss ({options.loss.kind}) was "
                    f"{test.picked.excess:.4g} above that of other cases when the slice was "
                    f"noticed, on {test.picked.labels} labels; on the labels of periods "
                    f"{test.first_period} to {period} it is at least {bound:.4g} above."
                ),
                harm=True,
                false_alarm_rate=options.budget,
            )
        )
    return tuple(alarms)


def slice_quality(
    cases: Cases, alarms: Sequence[Alarm], *, maturity: Maturity, options: SliceOptions
) -> tuple[Measurement, ...]:
    """All measures of the slices that `slice_alarms` named, on the cases of a period."""
    measurements: list[Measurement] = []
    for part in dict.fromkeys(alarm.subject for alarm in alarms if alarm.kind == "slice"):
        rows = rows_of(part, len(cases), cases.slices, cases.slice_values)
        measurements += part_quality(
            part, cases.where(rows), maturity=maturity, options=options.quality
        )
    return tuple(measurements)


def _test(
    picked: WorstSlice,
    later: Sequence[SlicedValues],
    later_numbers: Sequence[int],
    delta: float,
    options: SliceOptions,
) -> SliceTest:
    numbers, means, errors = [], [], []
    for number, sliced in zip(later_numbers, later, strict=True):
        rows = sliced.rows_of(picked.part)
        if min(int(rows.sum()), int((~rows).sum())) >= _LEAST_CASES:
            mean, error = gap_of(sliced, rows)
            numbers.append(number)
            means.append(mean)
            errors.append(error)
    bounds = np.empty(0)
    if numbers:
        # The variance of a period's difference, as the search had it, over some periods.
        target = picked.error**2 * options.search_periods * _TIGHTEST_PERIODS
        bounds = lower_bounds(
            np.array(means),
            np.array(errors),
            delta=delta,
            target_variance=target,
        )
    crossed = [n for n, bound in zip(numbers, bounds, strict=True) if bound > options.margin]
    return SliceTest(
        picked=picked,
        first_period=later_numbers[0] if later_numbers else 0,
        delta=delta,
        numbers=tuple(numbers),
        lower_bounds=tuple(float(bound) for bound in bounds),
        alarm_period=crossed[0] if crossed else None,
    )


def _excess(cases: Cases, calibration: Calibration, options: SliceOptions) -> SlicedValues:
    """Loss above the expected one of each labelled case."""
    measured = measured_cases(cases, options.quality)
    labelled = measured.where(measured.is_labelled)
    losses = options.loss.of_labels(labelled, labelled.labels)
    return SlicedValues(
        values=losses - options.loss.expected(labelled, calibration),
        codes=labelled.slices,
        names=labelled.slice_values,
    )
