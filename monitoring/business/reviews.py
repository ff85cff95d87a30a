"""Business figures of a scenario that blocks and reviews: money caught and missed, load, cost."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from models.evaluation.cost_thresholds import Scored, cards_in_days
from monitoring.business.effect import Flags, in_bands
from monitoring.business.estimates import LEVEL, Floats
from monitoring.business.figures import BusinessFigure
from monitoring.cases import DAY_MS, Cases, Period

_ROUNDS = 1_000
_SUM = "sum over labelled cases; interval: bootstrap of the card holders"


@dataclass(frozen=True, kw_only=True)
class ReviewOptions:
    """What the figures need to know of the scenario.

    review_bands, blocked_bands  whose cases are reviewed, and blocked without a review
    false_alarm_cost             of a good payment that is blocked, in `currency`
    review_cost                  of one review
    cards_per_day                what the review team can take
    """

    review_bands: Collection[str]
    blocked_bands: Collection[str]
    false_alarm_cost: float
    review_cost: float
    cards_per_day: float
    currency: str = "USD"


def review_figures(
    cases: Cases, period: Period, options: ReviewOptions, *, seed: int = 22
) -> tuple[BusinessFigure, ...]:
    """The figures of mature cases of `period`; each says why when it has no value.

    A case that is reviewed or blocked counts as caught. A good payment that is reviewed costs the
    review, one that is blocked the false alarm. An entity is reviewed once a day, however many of
    its cases are in a review band.
    """
    is_reviewed = in_bands(cases, options.review_bands)
    is_blocked = in_bands(cases, options.blocked_bands)
    is_flagged = is_reviewed | is_blocked
    labels = np.nan_to_num(cases.labels)
    bad, good = labels == 1.0, cases.is_labelled & (labels == 0.0)
    sums = _Sums(cases, seed=seed)
    false_alarm = options.false_alarm_cost * (is_blocked & good)
    return (
        *_money(cases, sums, bad & is_flagged, bad & ~is_flagged, options.currency),
        sums.figure(
            "good payments blocked", (is_blocked & good).astype(np.float64), "payments", _SUM
        ),
        sums.figure(
            "cost of false alarms",
            false_alarm,
            options.currency,
            f"{options.false_alarm_cost:,.2f} for each good payment that is blocked; {_SUM}",
        ),
        *_load(cases, period, is_reviewed & ~is_blocked, options),
    )


class _Sums:
    """Sums over the cases, with the middle 95 % of their resamples."""

    def __init__(self, cases: Cases, *, seed: int) -> None:
        self._cases = cases
        self._clusters = np.unique(cases.entities, return_inverse=True)[1]
        self._seed = seed
        labels = int(cases.is_labelled.sum())
        missing = len(cases) - labels
        self.note = f"{missing:,} of {len(cases):,} cases have no label yet" if missing else ""
        self.labels = labels

    def figure(self, name: str, values: Floats, unit: str, method: str) -> BusinessFigure:
        """The sum of `values` (n,) with its interval."""
        low, high = self._ends(lambda sums: sums[0], values)
        return self._figure(name, float(values.sum()), (low, high), unit, method)

    def ratio(
        self, name: str, part: Floats, whole: Floats, unit: str, method: str
    ) -> BusinessFigure:
        """The ratio of two sums with its interval; without a whole there is none."""
        if whole.sum() <= 0.0:
            return _unknown(name, unit, "nothing to take a share of")
        low, high = self._ends(lambda sums: sums[0] / np.maximum(sums[1], 1e-12), part, whole)
        return self._figure(name, float(part.sum() / whole.sum()), (low, high), unit, method)

    def _figure(
        self, name: str, value: float, ends: tuple[float, float], unit: str, method: str
    ) -> BusinessFigure:
        return BusinessFigure(
            name=name,
            value=value,
            low=ends[0],
            high=ends[1],
            unit=unit,
            method=method,
            reason=self.note,
            cases=self.labels,
        )

    def _ends(
        self, measure: Callable[[list[Floats]], Floats], *values: Floats
    ) -> tuple[float, float]:
        # Entities whose values are all 0 change no sum.
        sums: list[Floats] = [
            np.bincount(self._clusters, weights=part).astype(np.float64) for part in values
        ]
        changing = np.flatnonzero(np.any(np.stack(sums) != 0.0, axis=0))
        counts = np.random.default_rng(self._seed).poisson(1.0, (_ROUNDS, len(changing)))
        resampled = measure([counts @ part[changing] for part in sums])
        low, high = np.quantile(resampled, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
        return float(low), float(high)


def _money(
    cases: Cases, sums: _Sums, caught: Flags, missed: Flags, currency: str
) -> list[BusinessFigure]:
    names = ("money caught", "money missed", "share of the money caught")
    if np.isnan(cases.amounts).all():
        reason = "the cases have no amount"
        units = (currency, currency, "share")
        return [_unknown(name, unit, reason) for name, unit in zip(names, units, strict=True)]
    amounts = np.nan_to_num(cases.amounts)
    return [
        sums.figure(names[0], amounts * caught, currency, f"amounts of frauds flagged: {_SUM}"),
        sums.figure(names[1], amounts * missed, currency, f"amounts of frauds allowed: {_SUM}"),
        sums.ratio(
            names[2],
            amounts * caught,
            amounts * (caught | missed),
            "share",
            "money caught over all money of frauds; interval: bootstrap of the card holders",
        ),
    ]


def _load(
    cases: Cases, period: Period, is_reviewed: Flags, options: ReviewOptions
) -> list[BusinessFigure]:
    days = max(round((period.end_ms - period.begin_ms) / DAY_MS), 1)
    numbers = np.clip((cases.made_ms - period.begin_ms) // DAY_MS, 0, days - 1)
    scored = Scored(
        days=numbers[is_reviewed],
        cards=cases.entities[is_reviewed],
        scores=cases.scores[is_reviewed],
    )
    cards = [float(len(np.unique(scored.cards[scored.days == day]))) for day in range(days)]
    reviews = cards_in_days(scored.days, scored.cards)
    value = float(np.mean(cards))
    radius = _t_radius(np.array(cards))
    note = "" if radius is not None else "one day has no interval"
    over = sum(number > options.cards_per_day for number in cards)
    load = BusinessFigure(
        name="load of the review team",
        value=value,
        low=None if radius is None else max(value - radius, 0.0),
        high=None if radius is None else value + radius,
        unit="cards a day",
        method=f"mean over {days} days, t interval over days; the team can take "
        f"{options.cards_per_day:,.0f}, on {over} days there were more",
        reason=note,
        cases=int(is_reviewed.sum()),
    )
    share = BusinessFigure(
        name="load over capacity",
        value=value / options.cards_per_day,
        low=None if load.low is None else load.low / options.cards_per_day,
        high=None if load.high is None else load.high / options.cards_per_day,
        unit="share",
        method="load of the review team over its capacity",
        reason=note,
        cases=load.cases,
    )
    cost = BusinessFigure(
        name="cost of reviews",
        value=reviews * options.review_cost,
        unit=options.currency,
        method=f"{options.review_cost:,.2f} for each card and day; counted, so without an interval",
        cases=load.cases,
    )
    return [load, share, cost]


def _t_radius(values: Floats) -> float | None:
    from scipy.stats import t

    if len(values) < 2:
        return None
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    return float(t.ppf(0.5 + LEVEL / 2.0, len(values) - 1) * error)


def _unknown(name: str, unit: str, reason: str) -> BusinessFigure:
    return BusinessFigure(name=name, value=None, unit=unit, method="", reason=reason)
