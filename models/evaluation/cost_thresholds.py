"""Score thresholds at which allowing, reviewing and blocking cost least, within a review capacity.

With calibrated probability p of fraud, allowing a case costs p * missed, blocking it (1 - p) *
false alarm, and a review, which finds out, costs its own price. The cheapest choice by p gives the
thresholds (Elkan, "The Foundations of Cost-Sensitive Learning", 2001). Where the reviewers cannot
take as many cases, the review is priced higher, for the decision only, until they can: the price
of a scarce resource (its Lagrange multiplier).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_HALVINGS = 40


class BadCosts(ValueError):
    """Costs under which a decision makes no sense; raised at start."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What each kind of outcome costs, in USD; `cards_per_day` is what reviewers can take."""

    missed_usd: float
    false_alarm_usd: float
    review_usd: float
    cards_per_day: float

    def __post_init__(self) -> None:
        prices = (self.missed_usd, self.false_alarm_usd, self.review_usd, self.cards_per_day)
        if min(prices) <= 0 or self.review_usd >= self.missed_usd:
            raise BadCosts(f"{self}: all must be positive, and a review cheaper than a missed case")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """n scored cases: day and card int64 (n,), score float64 (n,) in [0, 1]."""

    days: Ints
    cards: Ints
    scores: Floats


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Review from `review_from` to below `block_from`, block from there on.

    review_price_usd: the review's price with the surcharge that keeps it within its capacity;
    cards_reviewed_per_day: mean over the days of the scored cases
    """

    review_from: float
    block_from: float
    review_price_usd: float
    cards_reviewed_per_day: float


def thresholds_by_cost(scored: Scored, costs: Costs) -> Thresholds:
    """The cheapest thresholds whose mean number of reviewed cards a day fits the capacity."""
    thresholds = _thresholds(scored, costs, costs.review_usd)
    if thresholds.cards_reviewed_per_day <= costs.cards_per_day:
        return thresholds
    low, high = costs.review_usd, _price_without_review(costs)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        load = _thresholds(scored, costs, middle).cards_reviewed_per_day
        low, high = (middle, high) if load > costs.cards_per_day else (low, middle)
    return _thresholds(scored, costs, high)


def total_cost_usd(outcomes: Ints, scored: Scored, costs: Costs, thresholds: Thresholds) -> float:
    """What the decisions cost, given `outcomes` (n,) of 0 and 1.

    A case that is reviewed or blocked is never missed; a card is reviewed once a day.
    """
    is_blocked = scored.scores >= thresholds.block_from
    is_reviewed = ~is_blocked & (scored.scores >= thresholds.review_from)
    missed = int(outcomes[~is_blocked & ~is_reviewed].sum())
    false_alarms = int((1 - outcomes[is_blocked]).sum())
    reviews = cards_in_days(scored.days[is_reviewed], scored.cards[is_reviewed])
    return (
        missed * costs.missed_usd
        + false_alarms * costs.false_alarm_usd
        + reviews * costs.review_usd
    )


def cards_in_days(days: Ints, cards: Ints) -> int:
    """How many different pairs of day and card there are."""
    return len(np.unique(np.stack([days, cards]), axis=1).T)


def _price_without_review(costs: Costs) -> float:
    """At this price a review is never cheaper than both allowing and blocking."""
    return costs.missed_usd * costs.false_alarm_usd / (costs.missed_usd + costs.false_alarm_usd)


def _thresholds(scored: Scored, costs: Costs, price_usd: float) -> Thresholds:
    even = costs.false_alarm_usd / (costs.missed_usd + costs.false_alarm_usd)
    review_from = min(price_usd / costs.missed_usd, even)
    block_from = max(1.0 - price_usd / costs.false_alarm_usd, even)
    is_reviewed = (scored.scores >= review_from) & (scored.scores < block_from)
    days = max(len(np.unique(scored.days)), 1)
    cards = cards_in_days(scored.days[is_reviewed], scored.cards[is_reviewed])
    return Thresholds(
        review_from=review_from,
        block_from=block_from,
        review_price_usd=price_usd,
        cards_reviewed_per_day=cards / days,
    )
