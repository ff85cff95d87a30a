from dataclasses import replace

import numpy as np
import pytest

from monitoring.cases import Floats
from monitoring.estimate.assumptions import EstimateOptions
from monitoring.estimate.calibration import logits, sigmoid
from monitoring.estimate.estimated_quality import estimated_quality
from monitoring.period_data import PeriodData
from monitoring.period_report import Measurement
from monitoring.quality.measurements import quality
from monitoring.quality.options import QualityOptions
from tests.support.periods import cases, period, quiet

COSTS = QualityOptions(missed_cost=100.0, false_alarm_cost=10.0)
OPTIONS = EstimateOptions(quality=COSTS)


def estimates(
    current: PeriodData, mature: list[PeriodData], options: EstimateOptions = OPTIONS
) -> dict[str, Measurement]:
    measured = estimated_quality(current, mature, options=options)
    return {m.metric: m for m in measured if m.part == ""}


def only_reason(
    current: PeriodData, mature: list[PeriodData], *, is_control_only: bool = False
) -> str:
    options = replace(OPTIONS, quality=replace(COSTS, is_control_only=is_control_only))
    values = estimates(current, mature, options)
    assert {m.interval.value for m in values.values()} == {None}
    (reason,) = {m.reason for m in values.values()}
    return reason


def test_intervals_hold_what_is_measured_later() -> None:
    """60 windows: each metric's interval holds the later value in at least 90 %, as it must."""
    hits: dict[str, list[bool]] = {}
    for seed in range(60):
        *mature, current = quiet(7, seed=seed, cases_each=600)
        later = quality(current.cases, maturity="mature", options=COSTS)
        measured = {m.metric: m.interval.value for m in later if m.part == ""}
        for name, estimate in estimates(current, mature).items():
            value, interval = measured[name], estimate.interval
            assert value is not None
            assert interval.low is not None
            assert interval.high is not None
            hits.setdefault(name, []).append(interval.low <= value <= interval.high)
    assert set(hits) == {*measured} - {"calibration_error"}
    assert {name: np.mean(h) for name, h in hits.items() if np.mean(h) < 0.9} == {}


def test_scores_of_a_biased_model_are_calibrated_first() -> None:
    def truth(scores: Floats, _: object) -> Floats:
        return sigmoid(0.8 + 0.6 * logits(scores))

    *mature, current = [period(n, cases(5_000, seed=n, truth=truth)) for n in range(7)]
    measured = float(np.mean((current.cases.scores - current.cases.labels) ** 2))
    naive = float(np.mean(current.cases.scores * (1.0 - current.cases.scores)))
    estimate = estimates(current, mature)["brier"].interval.value
    assert estimate == pytest.approx(measured, abs=0.01)
    assert abs(naive - measured) > 0.03


def test_labels_that_are_there_already_change_nothing() -> None:
    *mature, current = quiet(6)
    unlabelled = replace(
        current, cases=replace(current.cases, labels=np.full(len(current.cases), np.nan))
    )
    assert estimated_quality(current, mature, options=OPTIONS) == estimated_quality(
        unlabelled, mature, options=OPTIONS
    )


def test_slices_are_estimated_as_they_are_measured() -> None:
    *mature, current = quiet(6)
    parts = {m.part for m in estimated_quality(current, mature, options=OPTIONS)}
    assert parts == {m.part for m in quality(current.cases, maturity="mature", options=COSTS)}


def test_a_changed_calibration_forbids_an_estimate() -> None:
    *mature, current = quiet(7)
    changed = cases(2_000, seed=99, truth=lambda scores, _: sigmoid(logits(scores) + 1.0))
    mature[-1] = period(5, changed)
    assert only_reason(current, mature).startswith(
        "the scores' calibration in the newest mature period (number 5) differs"
    )


def test_features_outside_the_reference_forbid_an_estimate() -> None:
    *mature, current = quiet(7)
    metres = replace(current, features=current.features * 1_000.0)
    assert "f0 lies outside the range" in only_reason(metres, mature)
    gaps = current.features.copy()
    gaps[:400] = np.nan
    assert "f0 is missing in 20% of the cases, in mature periods in 0%" in only_reason(
        replace(current, features=gaps), mature
    )


def test_acted_on_customers_forbid_an_estimate_without_a_control_group() -> None:
    weeks = [period(n, cases(2_000, seed=n, control_share=0.3)) for n in range(6)]
    assert "measure on the control group" in only_reason(weeks[-1], weeks[:-1])
    options = EstimateOptions(quality=replace(COSTS, is_control_only=True))
    assert estimates(weeks[-1], weeks[:-1], options)["auroc"].interval.value is not None
    nobody = period(5, cases(2_000, seed=9, control_share=0.0))
    assert "no control group" in only_reason(nobody, weeks[:-1], is_control_only=True)


def test_few_cases_or_few_mature_periods_forbid_an_estimate() -> None:
    *mature, current = quiet(6)
    assert "100 cases, 200 are needed" in only_reason(period(5, cases(100)), mature)
    assert "1 mature periods" in only_reason(current, mature[:1])
