"""The Handbook's first two models, built as in the book: what a new model is measured against.

Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi, 2022), chapter 3: features scaled
to mean 0 and deviation 1, missing ones 0, scikit-learn's defaults with seed 0.
"""

from collections.abc import Callable, Mapping
from typing import Any

_SEED = 0


def logistic_regression() -> Any:
    """Logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return _on_scaled(LogisticRegression(random_state=_SEED))


def random_forest() -> Any:
    """A random forest of 100 full-grown trees."""
    from sklearn.ensemble import RandomForestClassifier

    return _on_scaled(RandomForestClassifier(random_state=_SEED, n_jobs=1))


def _on_scaled(estimator: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    imputer = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), estimator)


REFERENCES: Mapping[str, Callable[[], Any]] = {
    "logistic regression": logistic_regression,
    "random forest": random_forest,
}
