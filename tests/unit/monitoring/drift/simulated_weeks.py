"""Weeks of a made-up scenario: two numbers that go together, a skewed one, a category, a score."""

from collections.abc import Mapping

import numpy as np

from monitoring.cases import Floats, Period
from monitoring.period_data import PeriodData
from monitoring.simulation.unlabelled import unlabelled

FEATURES = ("age", "balance", "amount", "contract")
DAY_MS = 86_400_000
QUIET_COUNTS = {"events": 2_000, "lateness_ms": 1_500, "dead_letter.bad_json": 4}


def week(
    number: int,
    *,
    seed: int = 0,
    cases: int = 800,
    wander: float = 0.0,
    counts: Mapping[str, int] | None = None,
) -> PeriodData:
    """A week of `cases` customers; wander: how far the means move from week to week."""
    random = np.random.default_rng((seed, number))
    age = random.normal(size=cases) + wander * random.normal()
    balance = 0.6 * age + 0.8 * random.normal(size=cases)
    balance[random.random(cases) < 0.05] = np.nan
    amount = np.exp(3.0 + random.normal(size=cases))
    contract = random.choice([0.0, 1.0, 2.0], cases, p=[0.6, 0.3, 0.1])
    scores = 1.0 / (1.0 + np.exp(1.0 - age))
    if counts is None:
        counts = {
            "events": int(random.poisson(2_000) * np.exp(0.05 * random.normal())),
            "lateness_ms": int(1_500 * np.exp(0.1 * random.normal())),
            "dead_letter.bad_json": int(random.poisson(4)),
        }
    reasons = random.multinomial(cases, [0.5, 0.3, 0.2])
    return of(
        np.stack([age, balance, amount, contract], axis=1),
        scores,
        number=number,
        counts=counts,
        reasons=dict(zip(("AGE", "BALANCE", "AMOUNT"), reasons.tolist(), strict=True)),
    )


def of(
    features: Floats,
    scores: Floats,
    *,
    number: int = 0,
    counts: Mapping[str, int] = QUIET_COUNTS,
    reasons: Mapping[str, int] | None = None,
    feature_names: tuple[str, ...] = FEATURES,
) -> PeriodData:
    """A period of these rows, without labels."""
    begin_ms = number * 7 * DAY_MS
    return PeriodData(
        period=Period(number=number, begin_ms=begin_ms, end_ms=begin_ms + 7 * DAY_MS),
        cases=unlabelled(scores, made_ms=begin_ms),
        features=features,
        feature_names=feature_names,
        reason_counts=reasons or {},
        counts=counts,
    )
