import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score

from models.evaluation.metrics import expected_calibration_error
from monitoring.period_report import Measurement
from monitoring.quality.clusters import mean_interval, share_interval
from monitoring.quality.measurements import quality
from monitoring.quality.options import QualityOptions
from monitoring.quality.ranking import auroc_interval
from tests.support.periods import cases

COSTS = QualityOptions(missed_cost=100.0, false_alarm_cost=10.0)


def by_name(measurements: tuple[Measurement, ...], part: str = "") -> dict[str, Measurement]:
    return {m.metric: m for m in measurements if m.part == part}


def test_values_are_those_of_scikit_learn() -> None:
    some = cases(3_000, seed=3)
    values = by_name(quality(some, maturity="mature", options=COSTS))
    labels, scores, flagged = some.labels, some.scores, some.scores >= 0.6
    expected = {
        "auroc": roc_auc_score(labels, scores),
        "average_precision": average_precision_score(labels, scores),
        "brier": np.mean((scores - labels) ** 2),
        "calibration_error": expected_calibration_error(labels.astype(np.int64), scores),
        "positive_share": labels.mean(),
        "precision": precision_score(labels, flagged),
        "recall": recall_score(labels, flagged),
        "precision.middle": precision_score(labels, scores >= 0.3),
        "recall.middle": recall_score(labels, scores >= 0.3),
        "specificity": recall_score(labels, flagged, pos_label=0),
        "specificity.middle": recall_score(labels, scores >= 0.3, pos_label=0),
        "cost": np.mean(np.where(flagged, (1 - labels) * 10.0, labels * 100.0)),
    }
    assert {name: m.interval.value for name, m in values.items()} == pytest.approx(expected)
    for measurement in values.values():
        interval = measurement.interval
        assert interval.low is not None
        assert interval.value is not None
        assert interval.high is not None
        assert interval.low <= interval.value <= interval.high
        assert measurement.coverage == 1.0


def test_cost_is_measured_only_when_costs_are_given() -> None:
    measured = quality(cases(), maturity="mature", options=QualityOptions())
    assert "cost" not in by_name(measured)


def test_too_few_labels_give_a_reason_in_place_of_values() -> None:
    some = cases(30, seed=1)
    values = by_name(quality(some, maturity="mature", options=COSTS))
    assert {m.interval.value for m in values.values()} == {None}
    assert all("are needed" in m.reason for m in values.values())


def test_a_slice_needs_its_labels_and_others_are_measured() -> None:
    some = cases(1_000, seed=1)
    codes = some.slices["region"]
    few = some.where((codes != 0) | (np.cumsum(codes == 0) <= 150))
    measured = quality(few, maturity="mature", options=COSTS)
    assert by_name(measured, "region=north")["auroc"].reason.startswith("150 labels, 200")
    assert by_name(measured, "plan=a")["auroc"].reason == ""


def test_a_partial_cohort_says_that_its_labels_are_no_random_sample() -> None:
    values = by_name(quality(cases(labelled=0.4), maturity="partial", options=COSTS))
    assert all("no random sample" in m.method for m in values.values())
    assert 0.35 < values["auroc"].coverage < 0.45


def test_only_the_control_group_is_measured_when_actions_change_outcomes() -> None:
    some = cases(4_000, control_share=0.2)
    options = QualityOptions(is_control_only=True)
    measured = by_name(quality(some, maturity="mature", options=options))["auroc"]
    control = some.where(some.is_control)
    assert measured.predictions == len(control)
    assert measured.interval.value == pytest.approx(roc_auc_score(control.labels, control.scores))


def test_a_band_that_nobody_reaches_has_no_precision_but_a_recall_of_zero() -> None:
    some = cases(1_000, seed=2)
    low = some.where(some.bands < 2)
    values = by_name(quality(low, maturity="mature", options=COSTS))
    assert values["precision"].reason == "no case reaches the band's limit"
    assert values["recall"].interval.value == 0.0


def test_auroc_intervals_hold_the_true_value_as_often_as_they_say() -> None:
    """400 seeds, 95 % intervals: between 92 and 98 % hold the value of 500,000 cases."""
    big = cases(500_000, seed=10**6)
    truth = roc_auc_score(big.labels, big.scores)
    hits = 0
    for seed in range(400):
        some = cases(400, seed=seed)
        interval = auroc_interval(some.labels, some.scores, some.entities)
        assert interval.low is not None
        assert interval.high is not None
        hits += interval.low <= truth <= interval.high
    assert 0.92 <= hits / 400 <= 0.98


def test_repeated_cases_of_an_entity_do_not_count_as_further_evidence() -> None:
    some = cases(500, seed=4)
    twice = np.tile(np.arange(500), 2)
    labels, scores = np.tile(some.labels, 2), np.tile(some.scores, 2)
    once = auroc_interval(some.labels, some.scores, some.entities)
    assert auroc_interval(labels, scores, twice).low == pytest.approx(once.low)
    loss = (some.scores - some.labels) ** 2
    single = mean_interval(loss, some.entities)
    assert mean_interval(np.tile(loss, 2), twice).low == pytest.approx(single.low)
    is_positive = some.labels == 1.0
    single = share_interval(is_positive, some.entities)
    assert share_interval(np.tile(is_positive, 2), twice).low == pytest.approx(single.low, abs=1e-4)


def test_shares_have_wilsons_interval() -> None:
    successes = np.arange(40) < 7
    interval = share_interval(successes, np.arange(40))
    expected = binomtest(7, 40).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    nothing = share_interval(np.zeros(20, dtype=np.bool_), np.arange(20))
    expected = binomtest(0, 20).proportion_ci(method="wilson")
    assert (nothing.low, nothing.high) == pytest.approx((expected.low, expected.high))
