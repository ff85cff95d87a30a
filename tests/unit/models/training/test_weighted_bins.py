"""Quick bins of weighted rows are scikit-learn's own, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting import binning
from sklearn.utils.stats import _weighted_percentile

from models.training.fitting import reproducible_fitting
from models.training.weighted_bins import quick_weighted_bins, weighted_percentiles

LIBRARY = binning._find_binning_thresholds


def columns(seed: int, *, rows: int) -> np.ndarray:
    """Continuous, rounded with many ties, few values, often missing, infinite now and then."""
    random = np.random.default_rng(seed)
    continuous = random.lognormal(3.0, 1.0, size=rows)
    missing = np.where(random.random(rows) < 0.4, np.nan, random.normal(size=rows))
    infinite = np.where(random.random(rows) < 0.01, np.inf, random.normal(size=rows))
    few = random.integers(0, 9, size=rows).astype(float)
    return np.column_stack([continuous, continuous.round(1), few, missing, infinite])


@pytest.mark.parametrize("weight", [10.6, 3.0, 1.37])
@pytest.mark.parametrize("seed", range(4))
def test_thresholds_are_the_librarys_to_the_bit(seed: int, weight: float) -> None:
    rows = 5_000
    weights = np.where(np.random.default_rng(seed + 100).random(rows) < 0.05, weight, 1.0)
    weights[: rows // 50] = 0.0
    for column in columns(seed, rows=rows).T:
        expected = LIBRARY(column, 255, sample_weight=weights)
        with quick_weighted_bins():
            thresholds = binning._find_binning_thresholds(column, 255, sample_weight=weights)
        assert thresholds.tobytes() == expected.tobytes()


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(-9, 9).map(float), st.sampled_from([1.0, 0.1, 10.6])),
        min_size=1,
        max_size=60,
    )
)
def test_percentiles_are_the_librarys_whatever_the_ties(rows: list[tuple[float, float]]) -> None:
    ordered = np.array(sorted(rows))
    values, weights = ordered[:, 0].copy(), ordered[:, 1].copy()
    ranks = np.linspace(0, 100, 21)[1:]
    expected = _weighted_percentile(values, weights, ranks, average=True)
    assert weighted_percentiles(values, weights, ranks).tobytes() == expected.tobytes()


def test_an_estimator_is_the_same_with_and_without() -> None:
    features = columns(7, rows=3_000)
    outcomes = (np.nan_to_num(features[:, 3]) > 1.0).astype(int)
    untrained = {"max_iter": 20, "class_weight": {0: 1.0, 1: 10.6}, "random_state": 3}
    slow = HistGradientBoostingClassifier(**untrained).fit(features, outcomes)
    with reproducible_fitting():
        quick = HistGradientBoostingClassifier(**untrained).fit(features, outcomes)
    scores = [fitted.predict_proba(features).tobytes() for fitted in (slow, quick)]
    assert scores[0] == scores[1]


def test_the_library_is_as_before_afterwards() -> None:
    with quick_weighted_bins(), quick_weighted_bins():
        assert binning._find_binning_thresholds is not LIBRARY
    assert binning._find_binning_thresholds is LIBRARY
    with pytest.raises(ZeroDivisionError), quick_weighted_bins():
        _ = 1 / 0
    assert binning._find_binning_thresholds is LIBRARY
