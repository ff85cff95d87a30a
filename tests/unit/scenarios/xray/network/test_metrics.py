"""The figures of the table, on scores small enough to check by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scenarios.xray.network.metrics import (
    Scored,
    auroc,
    expected_calibration_error,
    figures,
    threshold_at_recall,
    values_of,
)


def few_scored(count: int = 100) -> Scored:
    generator = np.random.default_rng(1)
    ill = np.arange(count) % 2 == 0
    bacterial = np.arange(count) % 4 == 0
    return Scored(
        pneumonia=generator.normal(size=count) + 2 * ill,
        bacterial=generator.normal(size=count) + 2 * bacterial - 1,
        has_pneumonia=ill,
        is_bacterial=bacterial,
        children=np.array([f"person{number // 2}" for number in range(count)]),
    )


def test_the_threshold_is_the_highest_that_reaches_the_recall() -> None:
    rows = few_scored()
    threshold = threshold_at_recall(rows, 0.97)
    ill = rows.pneumonia[rows.has_pneumonia]
    assert (ill >= threshold).mean() == pytest.approx(0.98)
    assert (ill > threshold).mean() < 0.97


def test_auroc_is_that_of_scikit_learn_with_ties() -> None:
    generator = np.random.default_rng(1)
    scores, truths = np.round(generator.normal(size=200), 1), generator.random(200) < 0.3
    assert auroc(truths, scores) == pytest.approx(roc_auc_score(truths, scores))
    assert np.isnan(auroc(np.ones(3, bool), np.zeros(3)))


def test_calibration_error_is_0_where_probabilities_are_shares() -> None:
    quarter = np.full(4, np.log(0.25 / 0.75))
    is_positive = np.array([True, False, False, False])
    assert expected_calibration_error(quarter, is_positive) == pytest.approx(0)
    assert expected_calibration_error(quarter, ~is_positive) == pytest.approx(0.5)


def test_without_types_nothing_is_said_about_them() -> None:
    rows = few_scored()
    untyped = Scored(**{**vars(rows), "is_bacterial": None})
    assert set(values_of(untyped, threshold=0)) == {
        "pneumonia_auroc",
        "specificity",
        "recall",
        "pneumonia_ece",
    }


def test_the_surest_answers_are_the_better_ones() -> None:
    values = values_of(few_scored(2000), threshold=0)
    accuracies = [values[f"bacterial_accuracy_at_{share}"] for share in (100, 90, 80, 70, 60)]
    assert accuracies == sorted(accuracies)


def test_an_interval_holds_its_value_and_is_the_same_each_time() -> None:
    rows = few_scored()
    once, again = (figures(rows, threshold=0.5, replicates=50) for _ in range(2))
    assert once == again
    assert all(figure.low <= figure.value <= figure.high for figure in once.values())
    assert str(once["recall"]).count(".") == 3
