"""The churn scenario means what it says."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from features.schema import Category
from scenarios.churn.events import LABEL_SCHEMA
from scenarios.churn.scenario import SCENARIO
from scenarios.churn.telco import history, read_customers
from scenarios.contract.scenario import load_scenario
from scenarios.simulation.records import Record, record_of
from tests.support.scenario_records import decoded, features_after
from tests.unit.churn.customers import telco_file

NAMES = SCENARIO.plan.feature_names
BAND_SCORES = {"low": 0.1, "medium": 0.4, "high": 0.9}


def _features(*records: Record) -> dict[str, float]:
    return features_after(records, SCENARIO)


def _event(kind: str, **fields: object) -> Record:
    event = {"type": kind, "customer_id": "7590-VHVEG", "event_time": "2026-02-01T00:00:00.000Z"}
    return record_of({**event, **fields}, key="7590-VHVEG")


@pytest.fixture
def profile(tmp_path: Path) -> Record:
    """The first customer's: one month of tenure, month-to-month."""
    return next(history(read_customers(telco_file(tmp_path))))


def test_the_scenario_is_found_by_its_module() -> None:
    assert load_scenario("churn", "scenarios.churn.scenario") is SCENARIO


def test_every_feature_has_words_with_its_value() -> None:
    for feature in SCENARIO.features:
        value = "DSL" if isinstance(SCENARIO.schema.fields.get(feature.name), Category) else 2.5
        assert feature.words.format(value=value) != feature.words, feature.name


def test_profiles_and_outcomes_of_the_file_are_all_valid(tmp_path: Path) -> None:
    records = list(history(read_customers(telco_file(tmp_path))))
    assert not decoded(records[:3], SCENARIO.schema).refusals
    assert not decoded(records[3:], LABEL_SCHEMA).refusals


def test_a_full_profile_gives_every_attribute(profile: Record) -> None:
    features = _features(profile)
    assert not any(np.isnan(features[name]) for name in NAMES[:19])
    assert (features["tenure_months"], features["total_charges_usd"]) == (1.0, 29.85)
    assert features["contract"] == 0.0


def test_a_monthly_charge_moves_tenure_and_total_and_states_the_charge(profile: Record) -> None:
    features = _features(profile, _event("monthly_charge", monthly_charge_usd=30.15))
    assert features["tenure_months"] == 2.0
    assert features["monthly_charge_usd"] == 30.15
    assert features["total_charges_usd"] == pytest.approx(60.0)


def test_a_profile_change_touches_only_what_it_names(profile: Record) -> None:
    before = _features(profile)
    after = _features(profile, _event("profile_change", contract="Two year"))
    changed = {name for name in NAMES[:19] if before[name] != after[name]}
    assert (changed, after["contract"]) == ({"contract"}, 2.0)
    assert after["profile_changes_recent"] == 1.0


def test_support_calls_are_counted_by_reason(profile: Record) -> None:
    calls = [
        _event("support_call", minutes=4, reason="complaint"),
        _event("support_call", minutes=8, reason="cancellation"),
        _event("support_call", minutes=12.0, reason="technical"),
    ]
    features = _features(profile, *calls)
    assert (features["support_calls"], features["support_calls_recent"]) == (3.0, 3.0)
    assert (features["complaint_calls"], features["cancellation_calls"]) == (1.0, 1.0)
    assert features["support_call_minutes_mean"] == 8.0
    assert features["days_since_support_call"] == 0.0


def test_without_a_profile_the_required_feature_is_missing() -> None:
    call = _event("support_call", minutes=4, reason="complaint")
    change = _event("profile_change", contract="Two year")
    assert np.isnan(_features(call, change)[SCENARIO.required_feature or ""])


@pytest.mark.parametrize(
    ("band", "known_values", "action", "review"),
    [
        ("low", {"support_calls_recent": 3}, "none", False),
        ("medium", {}, "send a loyalty offer", False),
        (
            "medium",
            {"support_calls_recent": 0.6, "complaint_calls": 1},
            "answer the complaint",
            False,
        ),
        (
            "high",
            {"support_calls_recent": 0.5, "tenure_months": 60},
            "call back within one day",
            False,
        ),
        (
            "high",
            {"support_calls_recent": 0.5, "cancellation_calls": 1},
            "call back within one day",
            True,
        ),
        ("high", {"contract": 0, "tenure_months": 60}, "retention call", True),
        ("high", {"contract": 0, "tenure_months": 3}, "offer a longer contract", False),
        ("high", {"contract": 1, "tenure_months": 3}, "retention call", False),
        ("high", {}, "retention call", False),
    ],
)
def test_the_policy_decides(
    band: str, known_values: dict[str, float], action: str, review: bool
) -> None:
    assert _decision(BAND_SCORES[band], known_values, is_control=False) == (band, action, review)


def test_the_control_group_is_left_alone() -> None:
    assert _decision(0.9, {"contract": 0}, is_control=True)[1] == "none"


def _decision(
    score: float, known_values: dict[str, float], *, is_control: bool
) -> tuple[str, str, bool]:
    features: npt.NDArray[np.float64] = np.full((1, len(NAMES)), np.nan)
    for name, value in known_values.items():
        features[0, NAMES.index(name)] = value
    policy = SCENARIO.policy
    decided = policy.decide(
        np.array([score]),
        features,
        feature_names=NAMES,
        thresholds=policy.thresholds(),
        is_control=np.array([is_control]),
    )
    band = policy.bands[int(decided.bands[0])].name
    return band, policy.actions[int(decided.actions[0])], bool(decided.review[0])
