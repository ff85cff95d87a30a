"""A seeded year of weekly periods: cases, features, labels with their delays, and one event.

A case has three numeric features and a plan; the model is the true probability given them until
the event, so it is calibrated at the start. Each case is a customer of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitoring.cases import DAY_MS, Cases, Flags, Floats, Ints, Period
from monitoring.estimate.calibration import sigmoid
from monitoring.period_data import PeriodData

WEEK_MS = 7 * DAY_MS
HISTORY_WEEKS = 12  # before the year, all of them mature in the end
YEAR_WEEKS = 52
EVENT_WEEK = HISTORY_WEEKS + 12
WEEKS = HISTORY_WEEKS + YEAR_WEEKS

FEATURES = ("tenure_months", "charges_eur", "calls_30d", "plan")
_CENTRES = np.array([3.0, 4.0, 1.0])
_SPREADS = np.array([0.5, 0.4, 0.6])
_REGIONS = ("north", "east", "south", "west")
_PLANS = ("basic", "plus", "family")
_SLOW_WEEKS = 20
_DRIFT = 0.2
_HIDDEN = 1.0  # weight of what the better challenger knows in addition
_NOISE = 1.0  # of what the worse one sees


@dataclass(frozen=True, kw_only=True)
class World:
    """One scenario on paper.

    cases           a week; intercept, weights, plan_effects: of the log odds
    limits          lowest score of each band
    control_share   0: actions do not change outcomes
    delay_days      earliest and latest label, uniform between them
    maturity_weeks  from the end of a week to its last label
    has_rare_positives  see `monitoring.watching.Watch`
    tolerated_rise  share of the reference loss that the loss may rise
    ages_days       at which labels are counted
    """

    name: str
    cases: int
    intercept: float
    weights: tuple[float, float, float]
    plan_effects: tuple[float, float, float]
    limits: tuple[float, float, float]
    control_share: float
    delay_days: tuple[float, float]
    maturity_weeks: int
    has_rare_positives: bool
    tolerated_rise: float
    ages_days: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Standard deviation of the log odds."""
        plans = np.array(self.plan_effects)
        return float(np.sqrt(np.sum(np.square(self.weights)) + plans.var()))


CHURN = World(
    name="churn",
    cases=4_000,
    intercept=-1.5,
    weights=(1.1, 0.9, 0.9),
    plan_effects=(0.4, 0.0, -0.4),
    limits=(0.0, 0.3, 0.6),
    control_share=0.2,
    delay_days=(7.0, 60.0),
    maturity_weeks=9,
    has_rare_positives=False,
    tolerated_rise=0.05,
    ages_days=(14.0, 28.0, 63.0),
)
FRAUD = World(
    name="fraud",
    cases=10_000,
    intercept=-7.2,
    weights=(1.5, 1.3, 1.3),
    plan_effects=(0.3, 0.0, -0.3),
    limits=(0.0, 0.03, 0.15),
    control_share=0.0,
    delay_days=(4.0, 10.0),
    maturity_weeks=2,
    has_rare_positives=True,
    tolerated_rise=0.1,
    ages_days=(7.0, 14.0),
)
WORLDS = {world.name: world for world in (CHURN, FRAUD)}


@dataclass(frozen=True, kw_only=True)
class Year:
    """`WEEKS` periods, and the scores (n,) of a shadow for the cases of each."""

    world: World
    event: str
    periods: Sequence[PeriodData]
    shadow_scores: Sequence[Floats]


def year(world: World, event: str, *, seed: int, weeks: int = WEEKS, begin_ms: int = 0) -> Year:
    """The first `weeks` of a year in which `event` begins in the week `EVENT_WEEK`.

    begin_ms: begin of the first week, UTC epoch ms
    """
    random = np.random.default_rng((seed, world.cases, *event.encode()))
    played = [_week(world, event, number, random, begin_ms) for number in range(weeks)]
    return Year(
        world=world,
        event=event,
        periods=[data for data, _ in played],
        shadow_scores=[scores for _, scores in played],
    )


def _week(
    world: World, event: str, number: int, random: np.random.Generator, begin_ms: int
) -> tuple[PeriodData, Floats]:
    is_on = number >= EVENT_WEEK
    is_holiday = event == "holiday" and EVENT_WEEK <= number < EVENT_WEEK + 3
    volume = 0.5 if is_holiday else 2.0 if event == "more_volume" and is_on else 1.0
    count = int(random.poisson(world.cases * volume))
    signals = random.normal(size=(count, 3))
    plans = random.integers(0, 3, count)
    regions = random.integers(0, 4, count)
    if is_holiday:
        signals[:, 0] -= 0.3
        plans = np.where(random.random(count) < 0.2, 2, plans)
    if event == "covariate_shift" and is_on:
        one, other = world.weights[0], world.weights[1]
        signals[:, :2] += 0.5 * np.array([other, -one]) / np.hypot(one, other)

    true_odds, shadow_odds, features = _odds(world, event, number, signals, plans, regions, random)
    scores = sigmoid(_model_odds(world, features))
    bands = np.searchsorted(world.limits, scores, side="right") - 1
    is_control = random.random(count) < world.control_share
    probabilities = sigmoid(true_odds)
    is_offered = np.zeros(count, dtype=np.bool_)
    if world.control_share:
        is_offered = (bands == 2) & ~is_control
    if event == "offer_works" and is_on:
        probabilities = np.where(is_offered, 0.6 * probabilities, probabilities)
    outcomes = (random.random(count) < probabilities).astype(np.float64)
    made_ms = begin_ms + number * WEEK_MS + random.integers(0, WEEK_MS, count)
    delays = random.uniform(*world.delay_days, count)
    if event == "late_labels" and is_on:
        delays *= 2.0
    cases = Cases(
        entities=number * 1_000_000 + np.arange(count, dtype=np.int64),
        made_ms=made_ms,
        scores=scores,
        labels=outcomes,
        known_ms=made_ms + (delays * DAY_MS).astype(np.int64),
        versions=np.zeros(count, dtype=np.int64),
        bands=bands.astype(np.int64),
        actions=is_offered.astype(np.int64),
        limits=np.broadcast_to(np.array(world.limits), (count, 3)),
        is_control=is_control,
        propensity=_propensity(world, is_control),
        is_shown=is_offered,
        is_accepted=is_offered & (random.random(count) < 0.5),
        action_cost=np.where(is_offered, 20.0, 0.0),
        amounts=np.full(count, np.nan),
        slices={"region": regions.astype(np.int64), "plan": np.where(plans < 3, plans, -1)},
        version_names=("1",),
        band_names=("low", "middle", "high"),
        action_names=("none", "offer"),
        slice_values={"region": _REGIONS, "plan": _PLANS},
    )
    begin_ms += number * WEEK_MS
    period = Period(number=number, begin_ms=begin_ms, end_ms=begin_ms + WEEK_MS)
    data = PeriodData(
        period=period,
        cases=cases,
        features=features,
        feature_names=FEATURES,
        reason_counts={},
        counts={"events": count, "predictions": count, "lateness_ms": 200},
    )
    return data, sigmoid(shadow_odds)


def _propensity(world: World, is_control: Flags) -> Floats:
    if not world.control_share:
        return np.ones(len(is_control))
    return np.where(is_control, world.control_share, 1.0 - world.control_share)


def _odds(
    world: World,
    event: str,
    number: int,
    signals: Floats,
    plans: Ints,
    regions: Ints,
    random: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """The true log odds (n,), the shadow's (n,) and the features (n, 4) that arrive."""
    count = len(signals)
    features = np.column_stack([np.exp(_CENTRES + _SPREADS * signals), plans.astype(np.float64)])
    odds = _model_odds(world, features)
    hidden = random.normal(size=count)
    lost = _lost_share(event, number, regions)
    # The distribution of the odds stays as it is: what the features lose, something unseen gains.
    part = 1.0 - lost
    true_odds = (
        world.intercept
        + part * (odds - world.intercept)
        + np.sqrt(1.0 - part**2) * world.spread * hidden
    )
    shadow_odds = odds
    if event == "better_challenger" and number >= EVENT_WEEK:
        # The mean over what the champion does not see is its score (MacKay's approximation).
        true_odds = odds * np.sqrt(1.0 + np.pi * _HIDDEN**2 / 8.0) + _HIDDEN * hidden
        shadow_odds = true_odds
    if event == "worse_challenger" and number >= EVENT_WEEK:
        spread = world.spread**2
        shrunk = spread / (spread + _NOISE**2)
        shadow_odds = world.intercept + shrunk * (odds - world.intercept + _NOISE * hidden)
        shadow_odds = shadow_odds / np.sqrt(1.0 + np.pi * spread * (1.0 - shrunk) / 8.0)
    if number >= EVENT_WEEK:
        is_hit = random.random(count) < 0.3
        if event == "missing_values":
            features[is_hit, 0] = np.nan
        if event == "unit_change":
            features[:, 1] *= 100.0
        if event == "unseen_category":
            features[is_hit, 3] = 3.0
    return true_odds, shadow_odds, features


def _model_odds(world: World, features: Floats) -> Floats:
    """What the model makes of features (n, 4): a missing one counts as the mean."""
    signals = np.nan_to_num((np.log(features[:, :3]) - _CENTRES) / _SPREADS)
    # A code that training did not have has no effect.
    effects = np.array([*world.plan_effects, 0.0])
    odds: Floats = (
        world.intercept + signals @ np.array(world.weights) + effects[features[:, 3].astype(int)]
    )
    return odds


def _lost_share(event: str, number: int, regions: Ints) -> Floats:
    """Which share of its signal the model has lost for each case (n,)."""
    lost = np.zeros(len(regions))
    since = number - EVENT_WEEK
    if since < 0:
        return lost
    if event == "sudden_drift":
        lost += _DRIFT
    if event == "slow_drift":
        lost += _DRIFT * min((since + 1) / _SLOW_WEEKS, 1.0)
    if event == "broken_slice":
        lost[regions == 0] = 1.0
    return lost


def seen_by(data: PeriodData, now_ms: int) -> PeriodData:
    """The period with the labels that had arrived by then; others are not known."""
    return replace(data, cases=data.cases.known_by(now_ms))


def mature(periods: Sequence[PeriodData], world: World) -> list[PeriodData]:
    """Each period as it is seen when it is mature."""
    return [seen_by(data, data.period.end_ms + world.maturity_weeks * WEEK_MS) for data in periods]
