"""Counts of a period against those of the quiet weeks: volume, devices, dead letters, reasons.

Each count is put on a scale on which chance alone has a variance that is known: 2·√(c + 3/8) has
about 1 (Anscombe, 1948). The spread from week to week is what the quiet weeks show, and never less
than chance. The threshold is that of the largest shift over all counts in pseudo-histories that are
drawn with these spreads, so it allows for how little a few weeks say of a spread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitoring.drift.columns import Floats
from monitoring.drift.quiet_weeks import Threshold, threshold
from monitoring.period_data import DEVICE, PeriodData

DEAD_LETTER = "dead_letter."
REASON = "reason."
NEVER_SEEN = "never_seen."
VOLUME, LATENESS = "events", "lateness_ms"
# A median delay that moves by less than a twentieth from week to week is steady.
_STEADY_LATENESS = 0.05


@dataclass(frozen=True, kw_only=True)
class CountShift:
    """One count of a period beside its mean over the quiet weeks, as shares where `of` is set.

    shift: in standard errors; of: what the share is taken of
    """

    name: str
    value: float
    usual: float
    shift: float
    of: str = ""


@dataclass(frozen=True, kw_only=True)
class _Scaled:
    """A count on its scale: weeks (w,), period; the variance of chance there."""

    name: str
    weeks: Floats
    period: float
    chance: float
    value: float
    usual: float
    of: str = ""
    only_rise: bool = False

    @property
    def variance(self) -> float:
        return max(float(self.weeks.var(ddof=1)), self.chance)

    @property
    def shift(self) -> float:
        error = np.sqrt(self.variance * (1.0 + 1.0 / len(self.weeks)))
        return float((self.period - self.weeks.mean()) / error)


def count_shifts(
    quiet: Sequence[PeriodData],
    current: PeriodData,
    never_seen: Mapping[str, Sequence[float]],
    *,
    rows: float,
    rate: float,
    resamples: int,
    seed: int,
) -> tuple[list[CountShift], Threshold]:
    """The counts that lie beyond the threshold, and the threshold.

    never_seen: column → how many values each quiet week has, and the period at the end, that no
    other quiet week has; rows: cases of the period that were looked at for them
    """
    scaled = [
        *_volumes(quiet, current),
        *_dead_letters(quiet, current),
        *_reasons(quiet, current),
        *(
            _rare(NEVER_SEEN + name, np.array(counts[:-1]), counts[-1], rows, "values")
            for name, counts in never_seen.items()
        ),
    ]
    if not scaled:
        return [], Threshold(bound=np.inf, false_alarm_rate=0.0)
    bound = _threshold(scaled, weeks=len(quiet), rate=rate, count=resamples, seed=seed)
    shifts = [
        CountShift(name=c.name, value=c.value, usual=c.usual, shift=c.shift, of=c.of)
        for c in scaled
        if (c.shift if c.only_rise else abs(c.shift)) > bound.bound
    ]
    return shifts, bound


def _volumes(quiet: Sequence[PeriodData], current: PeriodData) -> list[_Scaled]:
    scaled = []
    periods = [*quiet, current]
    devices = sorted({name for p in periods for name in p.counts if name.startswith(DEVICE)})
    for name in (VOLUME, "suppressed", *devices):
        if name in current.counts or any(name in week.counts for week in quiet):
            weeks = np.array([float(week.counts.get(name, 0)) for week in quiet])
            value = float(current.counts.get(name, 0))
            scaled.append(
                _Scaled(
                    name=name,
                    weeks=_root(weeks),
                    period=float(_root(np.array([value]))[0]),
                    chance=1.0,
                    value=value,
                    usual=float(weeks.mean()),
                )
            )
    if LATENESS in current.counts and all(LATENESS in week.counts for week in quiet):
        delays = np.array([float(week.counts[LATENESS]) for week in quiet])
        value = float(current.counts[LATENESS])
        scaled.append(
            _Scaled(
                name=LATENESS,
                weeks=np.log(np.maximum(delays, 0.0) + 1.0),
                period=float(np.log(max(value, 0.0) + 1.0)),
                chance=_STEADY_LATENESS**2,
                value=value,
                usual=float(delays.mean()),
                only_rise=True,
            )
        )
    return scaled


def _dead_letters(quiet: Sequence[PeriodData], current: PeriodData) -> list[_Scaled]:
    """Per reason as a share of the events, so that more volume alone is no alarm."""
    periods = [*quiet, current]
    names = sorted({n for p in periods for n in p.counts if n.startswith(DEAD_LETTER)})
    events = np.array([_events(period) for period in periods])
    typical = float(events[:-1].mean())
    scaled = []
    for name in names:
        counts = np.array([float(period.counts.get(name, 0)) for period in periods])
        rates = counts / np.maximum(events, 1.0) * typical
        scaled.append(_rare(name, rates[:-1], float(rates[-1]), typical, "events"))
    return scaled


def _events(period: PeriodData) -> float:
    letters = sum(n for name, n in period.counts.items() if name.startswith(DEAD_LETTER))
    return float(max(period.counts.get(VOLUME, 0), len(period.cases) + letters))


def _rare(name: str, weeks: Floats, value: float, whole: float, of: str) -> _Scaled:
    return _Scaled(
        name=name,
        weeks=_root(weeks),
        period=float(_root(np.array([value]))[0]),
        chance=1.0,
        value=value / max(whole, 1.0),
        usual=float(weeks.mean()) / max(whole, 1.0),
        of=of,
        only_rise=True,
    )


def _reasons(quiet: Sequence[PeriodData], current: PeriodData) -> list[_Scaled]:
    """Each reason as a share of all reasons given, so that more explained cases are no alarm."""
    periods = [*quiet, current]
    totals = np.array([float(sum(period.reason_counts.values())) for period in periods])
    if totals.min() < 1.0:
        return []
    scaled = []
    for code in sorted({code for period in periods for code in period.reason_counts}):
        counts = np.array([float(period.reason_counts.get(code, 0)) for period in periods])
        angles = 2.0 * np.arcsin(np.sqrt(np.minimum((counts + 0.375) / (totals + 0.75), 1.0)))
        scaled.append(
            _Scaled(
                name=REASON + code,
                weeks=angles[:-1],
                period=float(angles[-1]),
                chance=1.0 / float(np.median(totals)),
                value=float(counts[-1] / totals[-1]),
                usual=float((counts[:-1] / totals[:-1]).mean()),
                of="reasons",
            )
        )
    return scaled


def _threshold(
    scaled: Sequence[_Scaled], *, weeks: int, rate: float, count: int, seed: int
) -> Threshold:
    random = np.random.default_rng((seed, 3))
    spreads = np.sqrt([c.variance for c in scaled])
    only_rise = np.array([c.only_rise for c in scaled])
    history = random.normal(size=(2 * count, weeks, len(scaled))) * spreads
    variance = np.maximum(history.var(axis=1, ddof=1), [c.chance for c in scaled])
    period = random.normal(size=(2 * count, len(scaled))) * spreads
    shifts = (period - history.mean(axis=1)) / np.sqrt(variance * (1.0 + 1.0 / weeks))
    return threshold(np.where(only_rise, shifts, np.abs(shifts)).max(axis=1), rate=rate)


def _root(counts: Floats) -> Floats:
    roots: Floats = 2.0 * np.sqrt(np.maximum(counts, 0.0) + 0.375)
    return roots
