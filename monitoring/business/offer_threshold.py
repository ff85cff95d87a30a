"""From which score on an offer pays, derived again from its cost, its effect and mature cases.

An offer to a customer who leaves with probability p brings p * saved share * customer value and
costs its price, so it pays from p = price / (saved share * customer value) on (Elkan, "The
Foundations of Cost-Sensitive Learning", 2001). The saved share is the effect that the control group
shows. Where agents cannot make so many offers, the limit rises until they can. What both limits
bring is compared on the control group, whose outcomes no offer has changed; the share that is saved
below the present limit is taken to be that above it, where it can be measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from monitoring.business.effect import Effect, NoEffect, effect
from monitoring.business.estimates import LEVEL, Estimate, Floats
from monitoring.business.thresholds import (
    LEAST_POSITIVES,
    Proposal,
    ThresholdsNotDerivable,
    halves,
    judged,
)
from monitoring.cases import DAY_MS, Cases
from monitoring.period_report import Interval
from scenarios.contract.policy import Policy

_ROUNDS = 2_000


@dataclass(frozen=True, kw_only=True)
class OfferCosts:
    """What an offer costs for each customer it is made to, and what one who stays is worth.

    offers_per_day: what agents can make
    """

    offer_cost: float
    customer_value: float
    offers_per_day: float

    def __post_init__(self) -> None:
        if min(self.offer_cost, self.customer_value, self.offers_per_day) <= 0.0:
            raise ThresholdsNotDerivable(f"{self}: all must be positive")


def offer_proposal(
    cases: Cases,
    policy: Policy,
    present: Mapping[str, float],
    costs: OfferCosts,
    *,
    margin: float = 0.0,
    seed: int = 22,
) -> Proposal:
    """A lowest score of the second band of `policy`, below which nothing is done.

    Derived from the older half of the days of mature `cases`, compared with the present one on the
    newer half; bands above stay. Raises `ThresholdsNotDerivable` when the control group shows no
    effect or the labels are too few.
    """
    policy.check_thresholds(present)
    if len(policy.bands) < 2:
        raise ThresholdsNotDerivable("the policy has one band, expected one without an offer too")
    older, newer = halves(cases, words="cases")
    names = [band.name for band in policy.bands]
    saved = _saved_share(older, names[1:])
    limit = costs.offer_cost / (max(saved.value, 1e-12) * costs.customer_value)
    allowed = _limit_of_capacity(older, costs.offers_per_day)
    proposed = {**present, names[1]: max(limit, allowed)}
    both = [limits[names[1]] for limits in (present, proposed)]
    return _compared(newer, policy, (present, proposed), both, costs, margin=margin, seed=seed)


def _saved_share(older: Cases, bands: list[str]) -> Estimate:
    """Of those who would leave, the share that acting keeps."""
    result = effect(older, bands=bands)
    if isinstance(result, NoEffect):
        raise ThresholdsNotDerivable(f"the effect of an offer cannot be said: {result.reason}")
    saved = _relative(result)
    low = saved.interval().low
    if low is None or low <= 0.0:
        raise ThresholdsNotDerivable(
            f"offers keep {saved.value:.1%} of the leavers, perhaps none ({low or 0.0:.1%} at the "
            "lower end of the interval): they do not pay from any score on"
        )
    return saved


def _relative(result: Effect) -> Estimate:
    return result.avoided.over(result.control)


def _limit_of_capacity(older: Cases, offers_per_day: float) -> float:
    """The lowest score with which so many cases a day, in the mean, are at or above it."""
    days = len(np.unique(older.made_ms // DAY_MS))
    most = int(offers_per_day * days)
    if most >= len(older):
        return 0.0
    return float(np.sort(older.scores)[len(older) - most - 1 :][0]) + 1e-9


def _compared(
    newer: Cases,
    policy: Policy,
    limits: tuple[Mapping[str, float], Mapping[str, float]],
    both: list[float],
    costs: OfferCosts,
    *,
    margin: float,
    seed: int,
) -> Proposal:
    control = newer.where(newer.is_control & newer.is_labelled)
    positives = int(control.labels.sum())
    if positives < LEAST_POSITIVES:
        raise ThresholdsNotDerivable(
            f"{positives} positive labels in the control group of the newer half of the days, "
            f"expected {LEAST_POSITIVES} or more"
        )
    saved = _saved_share(newer, [band.name for band in policy.bands[1:]])
    days = len(np.unique(newer.made_ms // DAY_MS))
    # Each customer of the control group stands for so many.
    weights = 1.0 / control.propensity / days
    lost = weights * control.labels * costs.customer_value
    offers = [weights * (control.scores >= limit) for limit in both]
    loads = [float((newer.scores >= limit).sum()) / days for limit in both]
    totals = [
        float((lost + made * costs.offer_cost).sum() - saved.value * (lost * (made > 0.0)).sum())
        for made in offers
    ]
    difference = (offers[1] > 0.0).astype(np.float64) - (offers[0] > 0.0)
    gain_of_saved = difference * lost
    price = (offers[1] - offers[0]) * costs.offer_cost
    result = Proposal(
        present=dict(limits[0]),
        proposed=dict(limits[1]),
        cost_present=totals[0],
        cost_proposed=totals[1],
        gain=_gain(gain_of_saved, price, saved, control, seed=seed),
        load_present=loads[0],
        load_proposed=loads[1],
        capacity=costs.offers_per_day,
        days=days,
        cases=len(newer),
        positives=positives,
        refusal="",
    )
    return judged(result, policy, margin=margin)


def _gain(lost: Floats, price: Floats, saved: Estimate, control: Cases, *, seed: int) -> Interval:
    """What the proposed limit gains a day: saved share times `lost` (n,), less `price` (n,).

    The customers are resampled, with both limits on the same ones, and the saved share is drawn
    from its own error.
    """
    random = np.random.default_rng(seed)
    clusters = np.unique(control.entities, return_inverse=True)[1]
    by_customer = [np.bincount(clusters, weights=values) for values in (lost, price)]
    changing = np.flatnonzero(by_customer[1])
    counts = random.poisson(1.0, (_ROUNDS, len(changing)))
    shares = random.normal(saved.value, saved.deviation, _ROUNDS)
    gains = shares * (counts @ by_customer[0][changing]) - counts @ by_customer[1][changing]
    low, high = np.quantile(gains, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    value = float(saved.value * lost.sum() - price.sum())
    return Interval(value=value, low=float(low), high=float(high), level=LEVEL)
