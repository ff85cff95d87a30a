"""New thresholds pass only when they cost less on days they were not derived from."""

import numpy as np
import pytest

from lifecycle.changes import Change, ChangeRefused, with_champion, with_thresholds
from models.evaluation.cost_thresholds import Costs, Scored, Thresholds, total_cost_usd
from monitoring.business.thresholds import (
    Proposal,
    ThresholdsNotDerivable,
    ThresholdsRefused,
    cost_by_card,
    proposal,
)
from monitoring.cases import Cases
from scenarios.contract.policy import Band, Policy, Rule
from stores.records.deployments import ModelPointer
from tests.scenarios.tiny import SCENARIO
from tests.unit.monitoring.business.made_cases import DAY_MS, cases

COSTS = Costs(missed_usd=160.0, false_alarm_usd=20.0, review_usd=1.0, cards_per_day=100.0)
NAMES = ("allow", "review", "block")
POLICY = Policy(
    bands=(
        Band(name="allow", lowest_score=0.0),
        Band(name="review", lowest_score=0.3),
        Band(name="block", lowest_score=0.9),
    ),
    rules=tuple(Rule(action=name, bands=(name,)) for name in NAMES),
    valid_days=1,
)


def payments(*, days: int = 10, a_day: int = 600, seed: int = 3) -> Cases:
    """Calibrated scores, most of them small."""
    random = np.random.default_rng(seed)
    count = days * a_day
    scores = random.beta(0.3, 6.0, count)
    return cases(
        scores,
        random.random(count) < scores,
        entities=random.integers(0, count // 3, count),
        made_ms=np.repeat(np.arange(days), a_day) * DAY_MS,
        limits=(0.0, 0.3, 0.9),
        band_names=NAMES,
    )


def proposed(present: tuple[float, float], *, margin: float = 0.0) -> Proposal:
    limits = dict(zip(NAMES, (0.0, *present), strict=True))
    return proposal(payments(), POLICY, limits, COSTS, margin=margin)


def test_poor_thresholds_are_replaced_and_the_gain_has_an_interval() -> None:
    result = proposed((0.5, 0.95))
    result.check()
    assert result.cost_proposed < result.cost_present
    assert result.gain.value == pytest.approx(result.cost_present - result.cost_proposed)
    assert result.gain.low is not None
    assert result.gain.low > 0.0
    assert result.load_proposed <= result.capacity
    assert (result.days, result.proposed["allow"]) == (5, 0.0)


def test_what_is_derived_already_is_no_gain() -> None:
    first = proposed((0.5, 0.95)).proposed
    again = proposed((first["review"], first["block"]))
    with pytest.raises(ThresholdsRefused, match="expected more than 0"):
        again.check()


def test_a_gain_within_the_margin_is_refused() -> None:
    assert proposed((0.5, 0.95), margin=0.9).refusal.startswith("a day costs")


def test_a_load_beyond_the_capacity_is_refused() -> None:
    """The newer days have three times as many payments as those the thresholds come from."""
    few, many = payments(days=5, a_day=400), payments(days=5, a_day=2_000, seed=4)
    columns = {
        name: np.concatenate([getattr(few, name), getattr(many, name)])
        for name in ("scores", "labels", "entities")
    }
    both = cases(
        columns["scores"],
        columns["labels"],
        entities=columns["entities"],
        made_ms=np.r_[few.made_ms, many.made_ms + 5 * DAY_MS],
        limits=(0.0, 0.3, 0.9),
        band_names=NAMES,
    )
    result = proposal(both, POLICY, {"allow": 0.0, "review": 0.5, "block": 0.95}, COSTS)
    assert "the team can take 100" in result.refusal


def test_the_cost_of_cards_adds_up_to_the_whole_cost() -> None:
    data = payments(days=2)
    scored = Scored(days=data.made_ms // DAY_MS, cards=data.entities, scores=data.scores)
    outcomes = data.labels.astype(np.int64)
    limits = Thresholds(
        review_from=0.02, block_from=0.4, review_price_usd=1.0, cards_reviewed_per_day=0.0
    )
    by_card = cost_by_card(outcomes, scored, COSTS, limits)
    assert by_card.sum() == pytest.approx(total_cost_usd(outcomes, scored, COSTS, limits))
    assert len(by_card) == len(np.unique(data.entities))


def test_a_policy_of_other_bands_and_few_labels_give_no_thresholds() -> None:
    with pytest.raises(ThresholdsNotDerivable, match="expected three"):
        proposal(payments(), SCENARIO.policy, SCENARIO.policy.thresholds(), COSTS)
    with pytest.raises(ThresholdsNotDerivable, match="of 2 days, expected 4"):
        proposal(payments(days=2), POLICY, POLICY.thresholds(), COSTS)
    with pytest.raises(ThresholdsNotDerivable, match="positive labels in the older half"):
        proposal(payments(days=4, a_day=20), POLICY, POLICY.thresholds(), COSTS)


def test_deployed_thresholds_stand_in_the_record_with_who_and_why() -> None:
    pointer = ModelPointer(name="everscore-tiny", version="1", artifact_uri="/m/1", sha256="1")
    change = Change(by="ada@host", at="2026-11-29T12:00:00.000+00:00", reason="cheaper")
    before = with_champion(None, pointer, SCENARIO, change)
    after = with_thresholds(before, {"ok": 0.0, "hot": 0.4}, SCENARIO, change)
    assert (after.thresholds, after.champion) == ({"ok": 0.0, "hot": 0.4}, pointer)
    assert (after.deployed_by, after.reason) == ("ada@host", "cheaper")
    with pytest.raises(ChangeRefused, match="already"):
        with_thresholds(after, {"ok": 0.0, "hot": 0.4}, SCENARIO, change)
    with pytest.raises(ChangeRefused, match="no champion"):
        with_thresholds(None, {"ok": 0.0, "hot": 0.4}, SCENARIO, change)
