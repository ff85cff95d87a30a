"""What would lower the score: declared changes only, judged by the stored model, the smallest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from features.schema import SchemaError
from scenarios.churn.offers import OFFERS
from scenarios.churn.scenario import SCENARIO
from scenarios.contract.actionable import Actionable
from scenarios.contract.judging.condition import Condition
from scenarios.contract.policy import PolicyError
from serving.agent_page.counterfactual import MOST_WHAT_IFS, Counterfactual, counterfactual
from tests.support.agent_desk import CALLER, CALM, call_centre

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
# What a customer has who has none of the offers.
NOTHING = {
    "contract": 0.0,
    "online_security": 0.0,
    "tech_support": 0.0,
    "online_backup": 0.0,
    "device_protection": 0.0,
    "payment_method": 0.0,
    "paperless_billing": 1.0,
}


@dataclass
class Effects:
    """A what-if whose score falls by the effect of each event; `asked` counts the calls."""

    by_field: Mapping[str, float]
    asked: int = 0

    def __call__(
        self, entity: str, events: Sequence[Mapping[str, Any]], now_ms: int
    ) -> Sequence["Effects.Outlook"]:
        """The verdict after each event."""
        self.asked += 1
        outlooks, score = [], 0.7
        for event in events:
            (field,) = event.keys() - {"type", "customer_id", "event_time"}
            assert event["customer_id"] == entity
            score -= self.by_field.get(f"{field}={event[field]}", 0.0)
            band = "high" if score >= 0.5 else "medium" if score >= 0.25 else "low"
            outlooks.append(Effects.Outlook(score, band))
        return outlooks

    @dataclass(frozen=True)
    class Outlook:
        score: float
        band: str


def answer(effects: Mapping[str, float], features: Mapping[str, float] = NOTHING) -> Counterfactual:
    return counterfactual(
        SCENARIO,
        "c",
        score=0.7,
        band="high",
        features=features,
        what_if=Effects(effects),
        now=NOW,
    )


def names(result: Counterfactual) -> list[tuple[str, ...]]:
    return [tuple(change.name for change in found.changes) for found in result.lowering]


def test_the_smallest_change_that_leads_to_a_lower_band_stands_first() -> None:
    result = answer(
        {"contract=One year": 0.3, "contract=Two year": 0.6, "online_security=Yes": 0.25}
    )
    assert names(result) == [
        ("online_security:Yes",),
        ("contract:One year",),
        ("contract:Two year",),
    ]
    assert result.lowering[0].band == "medium"
    assert result.tried == len(OFFERS)


def test_two_changes_are_tried_when_no_single_one_leads_to_a_lower_band() -> None:
    result = answer({"contract=One year": 0.15, "online_security=Yes": 0.1})
    assert names(result) == [("contract:One year", "online_security:Yes")]


def test_changes_of_one_field_are_not_combined() -> None:
    result = answer({"contract=One year": 0.15, "contract=Two year": 0.15})
    assert result.lowering == ()
    assert result.best is not None
    assert result.best.score == pytest.approx(0.55)


def test_without_a_lower_band_the_best_change_is_named() -> None:
    result = answer({"contract=Two year": 0.1})
    assert result.best is not None
    assert result.best.changes[0].name == "contract:Two year"


def test_no_change_is_named_when_none_lowers_the_score() -> None:
    result = answer({})
    assert result == Counterfactual(tried=result.tried)
    assert result.tried > len(OFFERS)


def test_what_a_customer_has_is_not_offered() -> None:
    result = answer({"contract=One year": 0.3}, {**NOTHING, "contract": 2.0})
    assert result.lowering == ()
    nothing_known = dict.fromkeys(NOTHING, float("nan"))
    assert answer({"contract=One year": 0.3}, nothing_known) == Counterfactual()


def test_what_ifs_are_bounded() -> None:
    effects = Effects({})
    many = tuple(replace(OFFERS[0], name=str(number)) for number in range(200))
    counterfactual(
        replace(SCENARIO, actionable=many),
        "c",
        score=0.7,
        band="high",
        features=NOTHING,
        what_if=effects,
        now=NOW,
    )
    assert effects.asked == MOST_WHAT_IFS


def test_nothing_is_tried_in_the_lowest_band_or_without_a_declaration() -> None:
    def never(*_: Any) -> Any:
        raise AssertionError

    arguments: dict[str, Any] = {"score": 0.1, "features": {}, "what_if": never, "now": NOW}
    assert counterfactual(SCENARIO, "c", band="low", **arguments).is_lowest
    undeclared = replace(SCENARIO, actionable=())
    assert not counterfactual(undeclared, "c", band="high", **arguments).is_declared


def test_a_change_is_what_the_model_says_when_its_event_arrives() -> None:
    """The counterfactual's score is the row's, once the customer has agreed."""
    desk = call_centre()
    card = desk.latest.one(CALLER, NOW)
    assert card is not None
    now = datetime.now(UTC)
    result = counterfactual(
        SCENARIO,
        CALLER,
        score=card.prediction.score,
        band=card.prediction.band,
        features=desk.features(CALLER),
        what_if=desk.scorer.what_if,
        now=now,
    )
    assert result.lowering
    for found in result.lowering[:1]:
        events = [change.event(SCENARIO.schema, CALLER, now) for change in found.changes]
        row = desk.receive(events)
        assert (row.score, row.band) == (found.score, found.band)


def test_offers_of_churn_change_what_they_say() -> None:
    features = call_centre().features(CALM)
    open_offers = [offer.name for offer in OFFERS if offer.is_open(features)]
    assert "contract:One year" not in open_offers
    assert "online_security:Yes" in open_offers


def test_a_change_that_could_never_arrive_is_refused_at_start() -> None:
    good = OFFERS[0]
    for wrong, error, words in (
        ((good, good), PolicyError, "declared twice"),
        ((replace(good, effort=0.0),), PolicyError, "effort"),
        ((replace(good, when=(Condition(feature="moon"),)),), PolicyError, "moon"),
        ((replace(good, event_type="moon"),), SchemaError, "moon"),
        ((replace(good, fields=(("moon", 1.0),)),), SchemaError, "moon"),
        ((replace(good, fields=(("contract", "Never"),)),), SchemaError, "Never"),
        ((_charge("high"),), SchemaError, "high"),
        ((_charge(-1.0),), SchemaError, "-1"),
        ((replace(good, event_type="monthly_charge", fields=()),), SchemaError, "monthly_charge"),
    ):
        with pytest.raises(error, match=words):
            replace(SCENARIO, actionable=wrong)


def _charge(value: float | str) -> Actionable:
    fields = (("monthly_charge_usd", value),)
    return Actionable(name="charge", words="w", event_type="monthly_charge", fields=fields)
