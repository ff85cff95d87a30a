"""Scores and reasons come from the scenario's full matrix, whatever columns the model uses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lifecycle.gates.contract import any_batch, batch_dependent_rows
from lifecycle.gates.evidence import Evidence
from models.formats.format import model_format
from models.formats.onnx_writer import onnx_of
from models.formats.skops import EstimatorScores, tree_explainer
from models.scoring_model import Matrix, Predictor, ScoringModel, scoring_model
from models.training.rare_columns import MINIMUM_VALUES, without_rare_columns
from models.training.recipes import calibrated_trees
from tests.unit.models.trained import NAMES, card, data, estimator


def _model(available: tuple[str, ...]) -> ScoringModel:
    return scoring_model(
        EstimatorScores(estimator()),
        tree_explainer(estimator()),
        name="m",
        version="1",
        card=card(),
        available_features=available,
    )


def contributions(model: ScoringModel, features: Matrix) -> Matrix:
    shares = model.contributions(features)
    assert shares is not None
    return shares


def test_columns_are_found_by_name_in_another_order_among_others() -> None:
    features, _ = data()
    wide = np.column_stack([features[:, 2], np.full(600, 9.0), features[:, 1], features[:, 0]])
    model = _model(("charge", "unused", "tenure", "calls"))
    straight = _model(NAMES)
    assert np.array_equal(model.scores(wide), straight.scores(features))
    shares = contributions(model, wide)
    assert np.array_equal(shares[:, [3, 2, 0]], contributions(straight, features))
    assert not shares[:, 1].any()


def test_contributions_add_up_to_the_log_odds_of_the_trees() -> None:
    features, _ = data()
    model = _model(NAMES)
    trees = estimator().calibrated_classifiers_[0].estimator
    log_odds = trees.decision_function(features)
    explainer = tree_explainer(estimator())
    assert explainer is not None
    total = contributions(model, features).sum(axis=1) + explainer.shap.expected_value
    assert total == pytest.approx(log_odds, abs=1e-9)


def test_a_linear_model_gives_a_row_the_same_bits_in_any_batch() -> None:
    random = np.random.default_rng(3)
    names = tuple(f"f{number}" for number in range(20))
    features = random.normal(size=(500, len(names)))
    classifier = LogisticRegression().fit(features, features[:, 0] > 0.0)
    graph = model_format("onnx").read(onnx_of(classifier, feature_names=names), file=Path("m.onnx"))
    predictors = (EstimatorScores(classifier), graph.predictor)
    for predictor in predictors:
        scores = predictor.scores(features)
        alone = [predictor.scores(features[row : row + 1]) for row in range(500)]
        assert (np.concatenate(alone) != scores).any()  # so the library alone would not do
        assert batch_dependent_rows(_plain(predictor, len(names)), features) == 0


class _BatchMean:
    """Its scores depend on the other rows."""

    def scores(self, features: Matrix) -> Matrix:
        scores: Matrix = np.full(len(features), 0.5) + np.tanh(features[:, 0].mean()) / 4.0
        return scores


def test_a_model_whose_scores_depend_on_the_other_rows_fails_a_gate() -> None:
    features, _ = data()
    differing = batch_dependent_rows(_plain(_BatchMean(), 3), np.nan_to_num(features))
    assert differing is not None
    assert differing > 100
    evidence = Evidence(version="1", card=card(), model=None, batch_dependent_rows=differing)
    gate = any_batch(evidence)
    assert (gate.outcome, gate.value) == ("failed", f"{differing} rows")


def _plain(predictor: Predictor, width: int) -> ScoringModel:
    columns = np.arange(width)
    return ScoringModel("m", "1", card(), predictor, explainer=None, columns=columns)


def test_no_rows_give_no_scores() -> None:
    model = _model(NAMES)
    assert model.scores(np.empty((0, 3))).shape == (0,)
    assert contributions(model, np.empty((0, 3))).shape == (0, 3)


@given(st.lists(st.integers(0, 599), min_size=1, max_size=50))
@settings(max_examples=30, deadline=None)
def test_a_score_and_its_reasons_do_not_depend_on_the_rest_of_the_batch(rows: list[int]) -> None:
    features, _ = data()
    model = _model(NAMES)
    assert np.array_equal(model.scores(features[rows]), model.scores(features)[rows])
    assert np.array_equal(
        contributions(model, features[rows]), contributions(model, features)[rows]
    )


@given(st.integers(0, 599), st.floats(0, 5))
@settings(max_examples=50, deadline=None)
def test_more_of_a_monotonic_feature_never_lowers_the_score(row: int, more: float) -> None:
    before = np.nan_to_num(data()[0][[row]])
    after = before + np.array([[more, 0.0, 0.0]])
    model = _model(NAMES)
    assert model.scores(after)[0] >= model.scores(before)[0]


def test_columns_with_hardly_a_value_are_not_learnt_from_and_do_not_stop_training() -> None:
    features, outcomes = data()
    empty = np.full(len(features), np.nan)
    rare = empty.copy()
    rare[: MINIMUM_VALUES - 1] = outcomes[: MINIMUM_VALUES - 1]
    wide = np.column_stack([features, empty, rare])
    learnable = without_rare_columns(wide)
    assert not learnable[:, 3:].any()
    assert np.array_equal(learnable[:, :3], features, equal_nan=True)
    trained = calibrated_trees(3).fit(learnable, outcomes)
    assert np.array_equal(trained.predict_proba(wide), trained.predict_proba(learnable))
