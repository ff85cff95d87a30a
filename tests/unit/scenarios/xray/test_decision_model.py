"""The model on the network's log-odds: its columns, another prevalence, thresholds."""

import numpy as np
import pytest

from models.formats.skops import linear_explainer
from scenarios.xray.decision_model import (
    DecisionModel,
    Floats,
    Ints,
    at_prevalence,
    estimated_prevalence,
    precision_at,
)
from scenarios.xray.decisions import TRAINED_SHARE, UNCERTAIN_FROM, moved
from scenarios.xray.thresholds import most_missed, rates, thresholds

ROWS = 4_000


def _sample(share: float, seed: int = 1) -> tuple[Floats, Ints]:
    random = np.random.default_rng(seed)
    outcomes = (random.random(ROWS) < share).astype(np.int64)
    features = random.normal(size=(ROWS, 3))
    features[:, 1] += 2.0 * outcomes
    return features, outcomes


def test_other_columns_have_no_weight_and_a_missing_value_adds_nothing() -> None:
    features, outcomes = _sample(0.7)
    model = DecisionModel(columns=(1,)).fit(features, outcomes)
    changed = features.copy()
    changed[:, (0, 2)] = 9.0
    assert model.predict_proba(changed).tolist() == model.predict_proba(features).tolist()
    explainer = linear_explainer(model)
    assert explainer is not None
    contributions = explainer.contributions(np.array([[5.0, np.nan, 5.0], [5.0, 3.0, 5.0]]))
    assert contributions[0].tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert contributions[1, 1] > 0.0
    assert contributions[1, 0] == 0.0


def test_a_declared_prevalence_makes_scores_that_populations_probabilities() -> None:
    features, outcomes = _sample(0.7)
    rare, truth = _sample(0.05, seed=2)
    as_trained = DecisionModel(columns=(1,)).fit(features, outcomes).predict_proba(rare)[:, 1]
    model = DecisionModel(columns=(1,), prevalence=0.05).fit(features, outcomes)
    declared = model.predict_proba(rare)[:, 1]
    assert abs(declared.mean() - truth.mean()) < 0.01 < as_trained.mean() - truth.mean()
    shifted = at_prevalence(as_trained, trained=float(outcomes.mean()), real=0.05)
    assert np.allclose(shifted, declared)


def test_the_prevalence_is_estimated_without_labels() -> None:
    features, outcomes = _sample(0.7)
    model = DecisionModel(columns=(1,)).fit(features, outcomes)
    for share in (0.05, 0.3, 0.9):
        other, _ = _sample(share, seed=3)
        scores = model.predict_proba(other)[:, 1]
        estimate = estimated_prevalence(scores, trained=float(outcomes.mean()))
        assert estimate == pytest.approx(share, abs=0.03)


def test_thresholds_move_so_that_decisions_stay() -> None:
    assert moved(UNCERTAIN_FROM, None) == UNCERTAIN_FROM
    assert moved(UNCERTAIN_FROM, TRAINED_SHARE) == pytest.approx(UNCERTAIN_FROM)
    assert moved(UNCERTAIN_FROM, 0.01) < 0.02


def test_precision_falls_with_the_prevalence() -> None:
    assert precision_at(recall=0.93, specificity=0.99, prevalence=0.73) > 0.99
    assert precision_at(recall=0.93, specificity=0.99, prevalence=0.01) == pytest.approx(
        0.484, abs=1e-3
    )


def test_thresholds_keep_the_recall_with_confidence() -> None:
    assert most_missed(832) < 0.03 * 832 < most_missed(2_000)
    features, outcomes = _sample(0.7)
    scores = 1.0 / (1.0 + np.exp(-features[:, 1]))
    uncertain, pneumonia = thresholds(outcomes, scores)
    assert rates(outcomes, scores, threshold=uncertain).recall >= 0.97
    assert rates(outcomes, scores, threshold=pneumonia).specificity >= 0.99
    assert uncertain < pneumonia
