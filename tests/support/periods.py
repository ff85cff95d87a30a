"""Made-up periods of cases whose scores are the true probabilities, until a test spoils them."""

from collections.abc import Callable

import numpy as np

from monitoring.cases import NOT_KNOWN_MS, Cases, Floats, Ints, Period
from monitoring.period_data import PeriodData

WEEK_MS = 7 * 86_400_000
LIMITS = (0.0, 0.3, 0.6)


def cases(
    count: int = 2_000,
    *,
    seed: int = 0,
    begin_ms: int = 0,
    truth: Callable[[Floats, dict[str, Ints]], Floats] | None = None,
    labelled: float = 1.0,
    control_share: float | None = None,
    mean: float = -1.2,
) -> Cases:
    """Scores from logit-normal; labels by `truth(scores, slices)` (default: the scores)."""
    random = np.random.default_rng(seed)
    scores = 1.0 / (1.0 + np.exp(-(mean + 1.2 * random.normal(size=count))))
    slices = {
        "region": random.integers(0, 4, count).astype(np.int64),
        "plan": random.integers(0, 3, count).astype(np.int64),
    }
    probabilities = scores if truth is None else truth(scores, slices)
    labels = (random.random(count) < probabilities).astype(np.float64)
    labels[random.random(count) >= labelled] = np.nan
    bands = np.searchsorted(LIMITS, scores, side="right") - 1
    is_control = (
        np.zeros(count, dtype=np.bool_)
        if control_share is None
        else random.random(count) < control_share
    )
    propensity = np.ones(count)
    if control_share is not None:
        propensity = np.where(is_control, control_share, 1.0 - control_share)
    made_ms = begin_ms + np.sort(random.integers(0, WEEK_MS, count))
    return Cases(
        entities=np.arange(count, dtype=np.int64),
        made_ms=made_ms,
        scores=scores,
        labels=labels,
        known_ms=np.where(np.isnan(labels), NOT_KNOWN_MS, made_ms + WEEK_MS),
        versions=np.zeros(count, dtype=np.int64),
        bands=bands.astype(np.int64),
        actions=np.zeros(count, dtype=np.int64),
        limits=np.tile(np.array(LIMITS), (count, 1)),
        is_control=is_control,
        propensity=propensity,
        is_shown=np.zeros(count, dtype=np.bool_),
        is_accepted=np.zeros(count, dtype=np.bool_),
        action_cost=np.zeros(count),
        amounts=np.full(count, np.nan),
        slices=slices,
        version_names=("1",),
        band_names=("low", "middle", "high"),
        action_names=("none",),
        slice_values={"region": ("north", "east", "south", "west"), "plan": ("a", "b", "c")},
    )


def period(number: int, measured: Cases, features: Floats | None = None) -> PeriodData:
    """A week with these cases; features: the score's logit unless given."""
    columns = (
        np.log(measured.scores / (1.0 - measured.scores))[:, None] if features is None else features
    )
    return PeriodData(
        period=Period(number=number, begin_ms=number * WEEK_MS, end_ms=(number + 1) * WEEK_MS),
        cases=measured,
        features=columns,
        feature_names=[f"f{column}" for column in range(columns.shape[1])],
        reason_counts={},
        counts={},
    )


def quiet(count: int, *, seed: int = 0, cases_each: int = 2_000) -> list[PeriodData]:
    """Weeks in which the scores are the true probabilities."""
    return [
        period(n, cases(cases_each, seed=seed * 1_000 + n, begin_ms=n * WEEK_MS))
        for n in range(count)
    ]
