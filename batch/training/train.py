"""Train a scenario's model on a training set and measure it on the part that was held out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from batch.training_sets.training_set import TrainingSet
from models.evaluation.metrics import Evaluation, best_f1_threshold, evaluate
from models.training.fitting import reproducible_fitting
from models.training.rare_columns import without_rare_columns
from scenarios.contract.scenario import Scenario

FOLDS = 5

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained estimator and how good it is.

    evaluation        on the held-out part; its threshold was chosen on the training part
    test_scores       float64 (t,) of the held-out part
    cv_auroc          AUROC of each fold within the training part
    """

    estimator: Any
    evaluation: Evaluation
    test_scores: npt.NDArray[np.float64]
    cv_auroc: tuple[float, ...]

    def metrics(self) -> dict[str, float]:
        """All measures by name."""
        spread = {
            "cv_auroc_mean": float(np.mean(self.cv_auroc)),
            "cv_auroc_sd": float(np.std(self.cv_auroc)),
        }
        return {**self.evaluation.metrics(), **spread}


def fitted(training_set: TrainingSet, scenario: Scenario, *, seed: int) -> Any:
    """The scenario's estimator, trained on the training part: equal rows, equal estimator."""
    part = ~training_set.is_test
    with reproducible_fitting():
        features = without_rare_columns(training_set.features[part])
        weights = None if training_set.weights is None else training_set.weights[part]
        return _fit(scenario.estimator(seed), features, training_set.outcomes[part], weights)


def train(
    training_set: TrainingSet, scenario: Scenario, *, seed: int, progress: Progress
) -> Trained:
    """Train on the training part, choose the threshold there, measure on the held-out part."""
    part = ~training_set.is_test
    features = without_rare_columns(training_set.features[part])
    outcomes = training_set.outcomes[part]
    with reproducible_fitting():
        progress(f"{FOLDS}-fold cross-validation on {len(outcomes):,} rows")
        weights = None if training_set.weights is None else training_set.weights[part]
        fold_scores, cv_auroc = _cross_validated(
            scenario, features, outcomes, seed=seed, weights=weights
        )
        progress(f"training on {len(outcomes):,} rows")
        estimator = fitted(training_set, scenario, seed=seed)
        test_scores = estimator.predict_proba(training_set.features[training_set.is_test])[:, 1]
    return Trained(
        estimator=estimator,
        evaluation=evaluate(
            training_set.outcomes[training_set.is_test],
            test_scores,
            threshold=best_f1_threshold(outcomes, fold_scores),
        ),
        test_scores=test_scores,
        cv_auroc=cv_auroc,
    )


def _cross_validated(
    scenario: Scenario,
    features: npt.NDArray[np.float64],
    outcomes: npt.NDArray[np.int64],
    *,
    seed: int,
    weights: npt.NDArray[np.float64] | None,
) -> tuple[npt.NDArray[np.float64], tuple[float, ...]]:
    """Out-of-fold scores (n,) and the AUROC of each fold."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    scores = np.empty(len(outcomes))
    aurocs = []
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for train_rows, test_rows in folds.split(features, outcomes):
        part = None if weights is None else weights[train_rows]
        estimator = _fit(scenario.estimator(seed), features[train_rows], outcomes[train_rows], part)
        scores[test_rows] = estimator.predict_proba(features[test_rows])[:, 1]
        aurocs.append(float(roc_auc_score(outcomes[test_rows], scores[test_rows])))
    return scores, tuple(aurocs)


def _fit(
    estimator: Any,
    features: npt.NDArray[np.float64],
    outcomes: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64] | None,
) -> Any:
    """Fitted; without weights called as ever, since estimators need not take any."""
    if weights is None:
        return estimator.fit(features, outcomes)
    return estimator.fit(features, outcomes, sample_weight=weights)
