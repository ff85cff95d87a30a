"""Thresholds from quiet weeks: how large the largest of all shifts is while nothing happens.

A pseudo-week is a resample of the entities of all quiet weeks together, of a week's size; each of
its figures is stretched to the spread that the quiet weeks have among each other, which is wider
than chance where weeks differ. A pseudo-history is as many pseudo-weeks as there are quiet weeks
and one more, which is tested against them exactly as a period is: with a mean and a spread that are
estimated again. The threshold is the quantile of the largest shift over all columns, so the rate of
false alarms is that of all columns together (Westfall and Young, "Resampling-Based Multiple
Testing", 1993). Other pseudo-histories measure it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitoring.drift.columns import Rows, Scales, Small

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PSEUDO_WEEKS = 400
# The spread of one figure over few weeks is itself uncertain: the typical ratio to chance of all
# figures counts as so many weeks more (Smyth, "Linear models and empirical Bayes methods", 2004),
# but never lowers a spread that was seen: among wandering weeks that gave 8 % false alarms for 5 %.
_WEEKS_OF_THE_TYPICAL_SPREAD = 2.0
_BLOCK = 100


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A bound on the largest shift, in standard errors, and how often quiet weeks exceed it."""

    bound: float
    false_alarm_rate: float


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What the quiet weeks say of each of k figures, float64 (k,).

    centre     mean over the weeks
    chance     variance of a week's figure by chance alone, from resampled rows
    variance   variance from week to week
    weeks      number of quiet weeks; rows: cases of a typical one
    """

    centre: Floats
    chance: Floats
    variance: Floats
    weeks: int
    rows: float

    def shifts(self, figures: Floats, *, rows: int) -> Floats:
        """Of a period of `rows` cases from the quiet weeks, in standard errors (k,); NaN: 0."""
        smaller = max(self.rows / max(rows, 1) - 1.0, 0.0)
        variance = self.variance * (1.0 + 1.0 / self.weeks) + self.chance * smaller
        return _clean((figures - self.centre) / np.sqrt(variance))

    def shifts_from(
        self, figures: Floats, reference: Floats, *, rows: int, reference_rows: int
    ) -> Floats:
        """Of a period from a reference that is no week: its entities may be others (k,)."""
        smaller = max(self.rows / max(rows, 1) - 1.0, 0.0)
        of_reference = self.rows / max(reference_rows, 1)
        variance = np.maximum(self.variance, self.chance) + self.chance * (smaller + of_reference)
        return _clean((figures - reference) / np.sqrt(variance))


@dataclass(frozen=True, kw_only=True)
class PseudoWeeks:
    """Figures of pseudo-weeks in standard errors by chance, float64 (b, k)."""

    figures: Floats

    def against_history(self, spread: Spread, *, rate: float, count: int, seed: int) -> Threshold:
        """The threshold for `Spread.shifts`."""
        stretch = np.sqrt(spread.variance / spread.chance)
        random = np.random.default_rng((seed, 1))
        largest = []
        for size in _blocks(2 * count):
            history = self._drawn(random, (size, spread.weeks)) * stretch
            ratios = history.var(axis=1, ddof=1)
            variance = moderated(ratios, weeks=spread.weeks) * (1.0 + 1.0 / spread.weeks)
            period = self._drawn(random, (size,)) * stretch
            shifts = np.abs(period - history.mean(axis=1)) / np.sqrt(variance)
            largest.append(shifts.max(axis=1))
        return threshold(np.concatenate(largest), rate=rate)

    def against_reference(
        self, spread: Spread, *, reference_rows: int, rate: float, count: int, seed: int
    ) -> Threshold:
        """The threshold for `Spread.shifts_from`."""
        stretch = np.sqrt(np.maximum(spread.variance / spread.chance, 1.0))
        of_reference = spread.rows / max(reference_rows, 1)
        random = np.random.default_rng((seed, 2))
        largest = []
        for size in _blocks(2 * count):
            history = self._drawn(random, (size, spread.weeks)) * stretch
            ratios = moderated(history.var(axis=1, ddof=1), weeks=spread.weeks)
            variance = np.maximum(ratios, 1.0) + of_reference
            difference = self._drawn(random, (size,)) * stretch
            difference -= self._drawn(random, (size,)) * np.sqrt(of_reference)
            largest.append((np.abs(difference) / np.sqrt(variance)).max(axis=1))
        return threshold(np.concatenate(largest), rate=rate)

    def _drawn(self, random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        return self.figures[random.integers(0, len(self.figures), shape)]


def moderated(ratios: Floats, *, weeks: int) -> Floats:
    """Variances (…, k) over `weeks` weeks, in units of chance, those below the mean drawn to it."""
    typical = ratios.mean(axis=-1, keepdims=True)
    freedom = weeks - 1
    drawn: Floats = (_WEEKS_OF_THE_TYPICAL_SPREAD * typical + freedom * ratios) / (
        _WEEKS_OF_THE_TYPICAL_SPREAD + freedom
    )
    return np.maximum(drawn, ratios)


def threshold(largest: Floats, *, rate: float) -> Threshold:
    """The bound from the first half of resampled maxima (n,), its rate from the second half."""
    half = len(largest) // 2
    bound = float(np.quantile(largest[:half], 1.0 - rate, method="higher"))
    return Threshold(bound=bound, false_alarm_rate=float((largest[half:] > bound).mean()))


def quiet_spread(weeks: Sequence[Rows], scales: Scales, *, seed: int) -> tuple[Spread, PseudoWeeks]:
    """What is usual from week to week, and pseudo-weeks to set thresholds by."""
    tables = [scales.indicators(week) for week in weeks]
    sizes = np.array([float(len(week)) for week in weeks])
    sums = np.stack([table.sum(axis=0, dtype=np.float64) for table in tables])
    observed = scales.figures(sums, sizes)
    resampled = _resampled(tables, weeks, scales, seed=seed)
    rows = float(np.median(sizes))
    with np.errstate(invalid="ignore"):
        chance = np.maximum(_clean(np.nanvar(resampled, axis=0, ddof=1)), scales.least(rows))
    centre = _clean(np.nanmean(observed, axis=0))
    ratios = _clean(np.nanvar(observed, axis=0, ddof=1)) / chance
    variance = chance * moderated(ratios, weeks=len(weeks))
    figures = _clean((resampled - np.nanmean(resampled, axis=0)) / np.sqrt(chance))
    spread = Spread(centre=centre, chance=chance, variance=variance, weeks=len(weeks), rows=rows)
    return spread, PseudoWeeks(figures=figures)


def _resampled(
    tables: Sequence[Small], weeks: Sequence[Rows], scales: Scales, *, seed: int
) -> Floats:
    """Figures (b, k) of pseudo-weeks: each entity of each week by a Poisson count of mean 1/weeks.

    Rows of one entity in one week get one count: they are not independent.
    """
    table = np.concatenate(tables)
    week_numbers = np.repeat(np.arange(len(weeks)), [len(week) for week in weeks])
    entities = np.concatenate([week.entities for week in weeks])
    entity_codes = np.unique(entities, return_inverse=True)[1]
    clusters = np.unique(entity_codes * len(weeks) + week_numbers, return_inverse=True)[1]
    count = int(clusters.max(initial=-1)) + 1
    random = np.random.default_rng((seed, 0))
    ones = np.ones((len(table), 1), dtype=np.float32)
    parts = []
    for size in _blocks(_PSEUDO_WEEKS):
        weights = _poisson(random, (size, count), mean=1.0 / len(weeks))[:, clusters]
        sums = (weights @ np.concatenate([ones, table], axis=1)).astype(np.float64)
        parts.append(scales.figures(sums[:, 1:], sums[:, 0]))
    return np.concatenate(parts)


def _poisson(random: np.random.Generator, shape: tuple[int, int], *, mean: float) -> Small:
    """Poisson counts below 5 by inversion: 20 times as fast as numpy's."""
    uniform = random.random(shape, dtype=np.float32)
    counts = np.zeros(shape, dtype=np.float32)
    probability = cumulated = np.exp(-mean)
    for value in range(1, 5):
        counts += uniform >= cumulated
        probability *= mean / value
        cumulated += probability
    return counts


def _blocks(count: int) -> list[int]:
    return [min(_BLOCK, count - begin) for begin in range(0, count, _BLOCK)]


def _clean(values: Floats) -> Floats:
    """The same with 0 where nothing can be said."""
    numbers: Floats = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return numbers
