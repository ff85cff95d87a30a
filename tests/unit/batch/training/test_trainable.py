"""Nothing is trained on nothing, and what has learnt nothing is not deployed in silence."""

import numpy as np
import numpy.typing as npt
import pytest

from batch.training.trainable import (
    TrainingMinimum,
    chance_of,
    check_trainable,
    useless_columns,
    warning_of,
)
from batch.training_sets.training_set import NothingToTrain, TrainingSet, part_counts

NAMES = ("calls", "tenure", "charge")
MINIMUM = TrainingMinimum(rows=200, rows_per_class=20)


def training_set(
    rows: int, positives: int, *, features: npt.NDArray[np.float64] | None = None
) -> TrainingSet:
    """`rows` with `positives`, spread evenly; every fifth row is held out."""
    outcomes = np.zeros(rows, dtype=np.int64)
    outcomes[np.linspace(0, max(rows - 1, 0), positives).astype(int)] = 1
    is_test = np.arange(rows) % 5 == 4
    if features is None:
        features = np.random.default_rng(1).normal(size=(rows, len(NAMES)))
    return TrainingSet(
        entities=[f"c{number}" for number in range(rows)],
        outcomes=outcomes,
        features=features,
        is_test=is_test,
        counts=part_counts(outcomes, is_test),
    )


def check(rows: TrainingSet) -> None:
    check_trainable(rows, NAMES, MINIMUM, scenario="churn")


def test_enough_rows_of_both_outcomes_are_trained_on() -> None:
    check(training_set(500, 120))


@pytest.mark.parametrize(
    ("rows", "positives", "words"),
    [
        (0, 0, "the snapshot has no rows"),
        (24, 12, "20 training rows, needed are 200"),
        (52, 26, "42 training rows, needed are 200"),
        (500, 0, "the train part has 0 positive and 400 negative outcomes, needed are 20"),
        (500, 500, "the train part has 400 positive and 0 negative outcomes, needed are 20"),
        (500, 10, "positive and .* negative outcomes, needed are 20 of each"),
    ],
)
def test_too_little_is_refused_with_counts_and_the_way_out(
    rows: int, positives: int, words: str
) -> None:
    with pytest.raises(NothingToTrain, match=words) as error:
        check(training_set(rows, positives))
    for words in ("train_rows", "build_training_set --scenario churn", "training.minimum_rows"):
        assert words in str(error.value)


def test_columns_that_never_vary_are_named_and_refused_only_when_all_are_so() -> None:
    features = np.random.default_rng(1).normal(size=(500, 3))
    features[:, 1], features[:, 2] = np.nan, 3.0
    assert useless_columns(features, NAMES) == {"tenure": "empty", "charge": "always 3"}
    line = warning_of(useless_columns(features, NAMES), columns=3)
    assert line == "warning: 2 of 3 columns teach nothing: tenure (empty), charge (always 3)"
    check(training_set(500, 120, features=features))
    features[:, 0] = 0.0
    with pytest.raises(NothingToTrain, match="no column varies"):
        check(training_set(500, 120, features=features))


def test_a_column_that_is_missing_now_and_then_does_vary() -> None:
    features = np.full((10, 1), 3.0)
    features[4] = np.nan
    assert useless_columns(features, ("charge",)) == {}
    assert warning_of({}, columns=1) == ""


COUNTS = {"train_rows": 400, "train_positives": 100, "test_rows": 100, "test_positives": 25}


@pytest.mark.parametrize(("auroc", "folds"), [(0.5, 0.5), (0.55, 0.52), (0.3, 0.4), (0.6, 0.54)])
def test_an_auroc_within_the_noise_is_chance(auroc: float, folds: float) -> None:
    sentence = chance_of(auroc=auroc, counts=COUNTS, cv_auroc=folds)
    assert sentence is not None
    assert f"AUROC {auroc:.3f} on 25 positive and 75 negative held-out rows" in sentence


@pytest.mark.parametrize(("auroc", "folds"), [(0.7, 0.5), (0.55, 0.6), (0.85, 0.84)])
def test_better_on_either_part_is_better(auroc: float, folds: float) -> None:
    assert chance_of(auroc=auroc, counts=COUNTS, cv_auroc=folds) is None


def test_the_noise_is_that_of_random_scores() -> None:
    """Of scores without any connection to the outcomes about 5 % pass one of the two bounds."""
    from sklearn.metrics import roc_auc_score

    random, outcomes = np.random.default_rng(3), np.arange(100) % 4 == 0
    sentences = [
        chance_of(auroc=roc_auc_score(outcomes, random.random(100)), counts=COUNTS, cv_auroc=0.5)
        for _ in range(400)
    ]
    assert 4 < sum(sentence is None for sentence in sentences) < 40
