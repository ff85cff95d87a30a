"""The policy's thresholds derived again from costs, capacity and mature cases, and whether to.

New thresholds are derived on the older half of the days and compared with the present ones on the
newer half, so that they are not praised for what they were fitted to. They are proposed like a
model at its gates: only when they cost less beyond a margin, with an interval, and when the review
team can take the load.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.evaluation.cost_thresholds import (
    Costs,
    Ints,
    Scored,
    Thresholds,
    cards_in_days,
    thresholds_by_cost,
    total_cost_usd,
)
from monitoring.business.estimates import LEVEL, Floats
from monitoring.cases import DAY_MS, Cases
from monitoring.period_report import Interval
from scenarios.contract.policy import Policy, PolicyError

_ROUNDS = 2_000
LEAST_POSITIVES = 30
LEAST_DAYS = 4


class ThresholdsNotDerivable(ValueError):
    """The policy or the cases give no thresholds by cost; nothing was changed."""

    exit_code = 2


class ThresholdsRefused(RuntimeError):
    """The new thresholds are not better, or the team cannot take the load; nothing was changed."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Thresholds by band name, now and proposed, with what they cost on the newer half of the days.

    cost_present, cost_proposed  in the currency of the costs, per day
    gain                         cost_present - cost_proposed, paired, with its interval
    load_present, load_proposed  cards to review, or offers to make, a day; `capacity` is what the
                                 team can take
    refusal                      why the proposal does not pass; "" when it does
    """

    present: Mapping[str, float]
    proposed: Mapping[str, float]
    cost_present: float
    cost_proposed: float
    gain: Interval
    load_present: float
    load_proposed: float
    capacity: float
    days: int
    cases: int
    positives: int
    refusal: str

    def check(self) -> None:
        """Raise `ThresholdsRefused` unless the proposal passes."""
        if self.refusal:
            raise ThresholdsRefused(f"the new thresholds are refused: {self.refusal}")


def proposal(
    cases: Cases,
    policy: Policy,
    present: Mapping[str, float],
    costs: Costs,
    *,
    margin: float = 0.0,
    seed: int = 22,
) -> Proposal:
    """Derive thresholds from the older days of mature `cases` and try them on the newer ones.

    policy   three bands: allow, review, block
    present  band name → lowest score, as deployed
    margin   so much less must a day cost at least, as a share of what it costs now
    Raises `ThresholdsNotDerivable` for another policy or too few labelled cases, which are the only
    ones that count.
    """
    if len(policy.bands) != 3:
        raise ThresholdsNotDerivable(
            f"the policy has the bands {[band.name for band in policy.bands]}, expected three: "
            "allow, review and block"
        )
    policy.check_thresholds(present)
    labelled = cases.where(cases.is_labelled)
    older, newer = halves(labelled, words="labelled cases")
    for half, part in (("older", older), ("newer", newer)):
        if part.labels.sum() < LEAST_POSITIVES:
            raise ThresholdsNotDerivable(
                f"{int(part.labels.sum())} positive labels in the {half} half of the days, "
                f"expected {LEAST_POSITIVES} or more"
            )
    derived = thresholds_by_cost(_scored(older), costs)
    names = [band.name for band in policy.bands]
    limits = (0.0, derived.review_from, derived.block_from)
    return _tried(
        newer,
        policy,
        present,
        dict(zip(names, limits, strict=True)),
        costs,
        margin=margin,
        seed=seed,
    )


def halves(cases: Cases, *, words: str) -> tuple[Cases, Cases]:
    """The cases of the older and of the newer half of their days (UTC).

    words: what they are, for `ThresholdsNotDerivable`, which too few days raise.
    """
    days = cases.made_ms // DAY_MS
    distinct = np.unique(days)
    if len(distinct) < LEAST_DAYS:
        raise ThresholdsNotDerivable(
            f"{words} of {len(distinct)} days, expected {LEAST_DAYS} or more"
        )
    middle = distinct[len(distinct) // 2]
    return cases.where(days < middle), cases.where(days >= middle)


def _tried(
    newer: Cases,
    policy: Policy,
    present: Mapping[str, float],
    proposed: Mapping[str, float],
    costs: Costs,
    *,
    margin: float,
    seed: int,
) -> Proposal:
    scored, outcomes = _scored(newer), newer.labels.astype(np.int64)
    days = len(np.unique(scored.days))
    both = [_thresholds(policy, limits, scored, costs, days) for limits in (present, proposed)]
    totals = [total_cost_usd(outcomes, scored, costs, limits) / days for limits in both]
    by_card = [cost_by_card(outcomes, scored, costs, limits) for limits in both]
    gain = _gain((by_card[0] - by_card[1]) / days, seed=seed)
    result = Proposal(
        present=dict(present),
        proposed=proposed,
        cost_present=totals[0],
        cost_proposed=totals[1],
        gain=gain,
        load_present=both[0].cards_reviewed_per_day,
        load_proposed=both[1].cards_reviewed_per_day,
        capacity=costs.cards_per_day,
        days=days,
        cases=len(newer),
        positives=int(outcomes.sum()),
        refusal="",
    )
    return judged(result, policy, margin=margin)


def judged(result: Proposal, policy: Policy, *, margin: float) -> Proposal:
    """The proposal with its refusal, if it does not pass."""
    try:
        policy.check_thresholds(result.proposed)
    except PolicyError as error:
        return replace(result, refusal=str(error))
    wanted = margin * result.cost_present
    low = result.gain.low if result.gain.low is not None else -np.inf
    if low <= wanted:
        return replace(
            result,
            refusal=f"a day costs {result.cost_proposed:,.0f} instead of "
            f"{result.cost_present:,.0f}; the gain may be as low as {low:,.0f}, expected more than "
            f"{wanted:,.0f}",
        )
    if result.load_proposed > result.capacity:
        return replace(
            result,
            refusal=f"{result.load_proposed:,.1f} cases a day to work on, the team can take "
            f"{result.capacity:,.0f}",
        )
    return result


def cost_by_card(outcomes: Ints, scored: Scored, costs: Costs, thresholds: Thresholds) -> Floats:
    """What the decisions on each card cost, float64 (cards,); the sum is `total_cost_usd`."""
    cards = np.unique(scored.cards, return_inverse=True)[1]
    count = int(cards.max(initial=-1)) + 1
    is_blocked = scored.scores >= thresholds.block_from
    is_reviewed = ~is_blocked & (scored.scores >= thresholds.review_from)
    missed = np.bincount(cards, weights=outcomes * ~(is_blocked | is_reviewed), minlength=count)
    false_alarms = np.bincount(cards, weights=(1 - outcomes) * is_blocked, minlength=count)
    pairs = np.unique(np.stack([scored.days[is_reviewed], cards[is_reviewed]]), axis=1)
    reviews = np.bincount(pairs[1], minlength=count)
    total: Floats = (
        missed * costs.missed_usd
        + false_alarms * costs.false_alarm_usd
        + reviews * costs.review_usd
    )
    return total


def _gain(differences: Floats, *, seed: int) -> Interval:
    """Their sum, with the middle of its resamples over cards: both thresholds on the same ones."""
    changing = differences[differences != 0.0]
    counts = np.random.default_rng(seed).poisson(1.0, (_ROUNDS, len(changing)))
    tails = [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0]
    low, high = np.quantile(counts @ changing, tails)
    return Interval(value=float(changing.sum()), low=float(low), high=float(high), level=LEVEL)


def _scored(cases: Cases) -> Scored:
    return Scored(
        days=(cases.made_ms // DAY_MS).astype(np.int64),
        cards=cases.entities,
        scores=cases.scores,
    )


def _thresholds(
    policy: Policy, limits: Mapping[str, float], scored: Scored, costs: Costs, days: int
) -> Thresholds:
    review_from, block_from = (limits[band.name] for band in policy.bands[1:])
    is_reviewed = (scored.scores >= review_from) & (scored.scores < block_from)
    reviews = cards_in_days(scored.days[is_reviewed], scored.cards[is_reviewed])
    return Thresholds(
        review_from=review_from,
        block_from=block_from,
        review_price_usd=costs.review_usd,
        cards_reviewed_per_day=reviews / days,
    )
