"""The fraud scenario means what it says."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from batch.training_sets.history_features import history_features, load_history
from features.schema import EventSchema, EventType
from scenarios.contract.scenario import LeakyScenario, load_scenario
from scenarios.fraud.columns import HANDBOOK_FEATURES, labelled_history
from scenarios.fraud.events import VERDICT
from scenarios.fraud.parameters import PARAMETERS
from scenarios.fraud.scenario import SCENARIO
from scenarios.fraud.tuning import SEARCH, parameters_of
from tests.unit.fraud.few_payments import LINES, Line, payments_file_in, payments_of


def _rows(lines: tuple[Line, ...] = LINES) -> list[dict[str, float]]:
    rows = history_features(SCENARIO, labelled_history(payments_of(lines)))
    return [dict(zip(SCENARIO.feature_names, row.tolist(), strict=True)) for row in rows]


def test_the_scenario_is_found_by_its_module() -> None:
    assert load_scenario("fraud", "scenarios.fraud.scenario") is SCENARIO


def test_every_feature_has_words_with_its_value() -> None:
    for feature in SCENARIO.all_features:
        assert feature.words.format(value=2.5) != feature.words, feature.name


def test_the_verdict_is_not_among_the_events_and_may_not_be() -> None:
    assert VERDICT.name not in SCENARIO.schema.fields
    call = EventType(name="call", meaning="", fields=(VERDICT,))
    leaky = EventSchema(entity_field="customer_id", types=(*SCENARIO.schema.types, call))
    with pytest.raises(LeakyScenario, match="verdict"):
        replace(SCENARIO, schema=leaky)


def test_windows_of_a_customer_hold_the_payment_itself_and_the_days_before() -> None:
    last = _rows()[3]
    assert (last["payments_1h"], last["payments_1d"], last["payments_7d"]) == (1, 1, 2)
    assert last["payments_30d"] == 3
    assert last["amount_mean_7d"] == pytest.approx((20.00 + 60.00) / 2)
    assert last["amount_ratio_30d"] == pytest.approx(60.00 / ((81.51 + 20.00) / 2))
    spread = np.std([81.51, 20.00], ddof=1)
    assert last["amount_zscore_30d"] == pytest.approx((60.00 - (81.51 + 20.00) / 2) / spread)
    assert last["days_since_previous"] == pytest.approx(7 - 5 / 24)
    assert (last["is_weekend"], last["is_night"]) == (0, 0)


def test_the_night_and_the_weekend_are_the_payments_own() -> None:
    first = _rows()[0]
    assert (first["is_weekend"], first["is_night"]) == (1, 1)


def test_a_terminal_is_known_by_verdicts_that_are_a_week_younger_than_their_payments() -> None:
    before, after = _rows()[3], _rows()[4]
    # At 7:00 the fraud of day 1, 12:00 is not known yet; at 13:00 it is.
    assert (before["terminal_verdicts_7d"], before["terminal_fraud_share_7d"]) == (1, 0)
    assert (after["terminal_verdicts_7d"], after["terminal_fraud_share_7d"]) == (2, 0.5)
    assert after["terminal_frauds_3d"] == 1
    assert math.isnan(_rows()[0]["terminal_fraud_share_30d"])


def test_a_verdict_changes_no_feature_before_it_is_known() -> None:
    honest = tuple((*line[:5], False) for line in LINES)
    with_fraud, without = _rows(), _rows(honest)
    np.testing.assert_equal(with_fraud[:4], without[:4])
    assert with_fraud[4] != without[4]


def test_the_reference_models_features_are_among_the_scenarios() -> None:
    assert len(HANDBOOK_FEATURES) == 15
    assert set(HANDBOOK_FEATURES) <= set(SCENARIO.feature_names)


def test_history_is_loaded_from_the_source_beside_the_scenario(tmp_path: Path) -> None:
    history = load_history(
        "fraud",
        "scenarios.fraud.scenario",
        file=payments_file_in(tmp_path),
    )
    assert history.outcomes.tolist() == [0, 0, 1, 0, 0]


def test_the_search_begins_with_what_is_in_use_and_writes_what_it_can_read_back() -> None:
    assert parameters_of(SEARCH.first) == PARAMETERS
    for name, allowed in SEARCH.ranges.items():
        assert allowed.low <= SEARCH.first[name] <= allowed.high, name
    scope: dict[str, object] = {"TreeParameters": type(PARAMETERS)}
    exec(SEARCH.constants(SEARCH.first), scope)
    assert scope["PARAMETERS"] == PARAMETERS


def test_bands_rise_and_only_reviewed_payments_go_to_people() -> None:
    decided = SCENARIO.policy.decide(
        np.array([0.0, 0.3, 0.99]),
        np.zeros((3, len(SCENARIO.feature_names))),
        feature_names=SCENARIO.feature_names,
        thresholds=SCENARIO.policy.thresholds(),
        is_control=np.zeros(3, dtype=np.bool_),
    )
    assert decided.bands.tolist() == [0, 1, 2]
    assert decided.review.tolist() == [False, True, False]
