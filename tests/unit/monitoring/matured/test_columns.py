"""Rows of the query to columns: codes, names, limits, slices, arms."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring.cases import NOT_KNOWN_MS
from monitoring.matured.columns import SliceWithoutBands, case_columns, propensity_of
from tests.scenarios.tiny import SCENARIO

NAN = float("nan")


def rows(*changes: dict[str, Any]) -> pa.Table:
    """Rows as the query returns them, in the order of the arguments."""
    usual = {
        "period": 0,
        "entity": 1,
        "arrived_ms": 10,
        "score": 0.5,
        "band": "hot",
        "action": "inspect",
        "control_group": False,
        "model_version": "2",
        "thresholds": '{"ok":0.0,"hot":0.5}',
        "features": [61.0, 1.0, 3.0, 60.0, 50.0, 70.0, 1.0, 7.0],
        "label": 1.0,
        "counted_ms": 20,
        "is_shown": True,
        "is_accepted": True,
        "action_cost": 3.0,
    }
    schema = pa.schema(
        [
            ("period", pa.int32()),
            ("entity", pa.int64()),
            ("arrived_ms", pa.int64()),
            ("score", pa.float64()),
            ("band", pa.string()),
            ("action", pa.string()),
            ("control_group", pa.bool_()),
            ("model_version", pa.string()),
            ("thresholds", pa.string()),
            ("features", pa.list_(pa.float64())),
            ("label", pa.float64()),
            ("counted_ms", pa.int64()),
            ("is_shown", pa.bool_()),
            ("is_accepted", pa.bool_()),
            ("action_cost", pa.float64()),
        ]
    )
    return pa.Table.from_pylist([{**usual, **change} for change in changes], schema=schema)


NOT_ACTED_ON = {"label": None, "counted_ms": None, "is_shown": None, "is_accepted": None}


def test_rows_come_in_an_order_of_their_own_and_missing_ones_are_said_so() -> None:
    table = rows(
        {"period": 1, "entity": 5},
        {"arrived_ms": 11, "entity": 2, **NOT_ACTED_ON, "action_cost": None},
        {"arrived_ms": 10, "entity": 7, "score": 0.7},
    )
    columns = case_columns(table, SCENARIO, slices={}, amount_feature="parts")
    cases = columns.cases
    assert columns.places.tolist() == [0, 0, 1]
    assert cases.entities.tolist() == [7, 2, 5]
    assert cases.is_labelled.tolist() == [True, False, True]
    assert cases.known_ms.tolist() == [20, int(NOT_KNOWN_MS), 20]
    assert cases.is_shown.tolist() == cases.is_accepted.tolist() == [True, False, True]
    assert cases.action_cost.tolist() == [3.0, 0.0, 3.0]
    assert cases.amounts.tolist() == [7.0] * 3
    assert cases.propensity.tolist() == [1.0] * 3
    assert case_columns(table, SCENARIO, slices={}, amount_feature=None).cases.where(
        np.array([True, False, False])
    ).version_names == ["2"]


def test_names_that_the_policy_no_longer_has_follow_those_that_it_has() -> None:
    table = rows({}, {"entity": 2, "band": "warm", "thresholds": '{"warm":0.3,"ok":0}'})
    cases = case_columns(table, SCENARIO, slices={}, amount_feature=None).cases
    assert list(cases.band_names) == ["ok", "hot", "warm"]
    assert cases.bands.tolist() == [1, 2]
    assert list(cases.action_names) == ["stop at once", "inspect", "none"]
    expected = [[0.0, 0.5, NAN], [0.0, NAN, 0.3]]
    assert np.array_equal(cases.limits, expected, equal_nan=True)
    assert np.isnan(cases.amounts).all()


def test_slices_are_named_by_category_or_band_and_missing_is_none_of_them() -> None:
    features = [[20.0, 0.0], [61.0, 2.0], [200.0, NAN], [NAN, 2.0]]
    table = rows(
        *[{"entity": n, "features": [*pair, *[0.0] * 6]} for n, pair in enumerate(features)]
    )
    cases = case_columns(
        table, SCENARIO, slices={"mode": [], "temperature_c": [60, 90]}, amount_feature=None
    ).cases
    assert cases.slice_values["mode"] == ["idle", "boost"]
    assert cases.slices["mode"].tolist() == [0, 1, -1, 1]
    assert cases.slice_values["temperature_c"] == ["below 60", "60 to 90", "from 90"]
    assert cases.slices["temperature_c"].tolist() == [0, 1, 2, -1]


def test_a_slice_of_no_feature_or_of_too_many_values_is_refused() -> None:
    table = rows(*[{"entity": n, "features": [float(n)] * 8} for n in range(30)])
    faults: dict[str, str] = {"colour": "no feature 'colour'", "heat": "30 values"}
    for feature, words in faults.items():
        with pytest.raises(SliceWithoutBands, match=words):
            case_columns(table, SCENARIO, slices={feature: []}, amount_feature=None)
    with pytest.raises(SliceWithoutBands, match="amounts"):
        case_columns(table, SCENARIO, slices={}, amount_feature="price")


def test_no_rows_give_no_cases() -> None:
    columns = case_columns(rows(), SCENARIO, slices={"mode": []}, amount_feature=None)
    assert len(columns.cases) == 0
    assert columns.cases.limits.shape == (0, 2)
    assert columns.features.shape == (0, 8)


def test_the_propensity_is_that_of_the_arm_that_a_case_is_in() -> None:
    arms = np.array([True, False])
    assert propensity_of(arms, control_share=0.05).tolist() == [0.05, 0.95]
    assert propensity_of(arms, control_share=0.0).tolist() == [1.0, 1.0]
