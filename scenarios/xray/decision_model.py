"""The model on top of the network: logistic regression, which gives the network's log-odds a scale.

By five-fold cross-validation with whole children on the 1,138 X-rays of the calibration part (three
seeds) the log loss is 0.078 for the network's own log-odds, 0.058 for these two columns, 0.059 with
the image's quality, 0.057 with the embedding as well, 0.062 for calibrated trees over the two: the
simplest is as good as any (`python -m scenarios.xray.model_choice`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class DecisionModel:
    """Fits logistic regression on some of k columns; the others stay in the matrix with weight 0.

    columns     positions of those that it looks at
    prevalence  share of positives where it will be used; None: as among the rows it is fitted on
    """

    columns: tuple[int, ...]
    prevalence: float | None = None

    def fit(self, features: Floats, outcomes: Ints, sample_weight: Floats | None = None) -> Any:
        """A scikit-learn pipeline fitted on `features` (n, k) and `outcomes` (n,)."""
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        masked = np.zeros_like(features)
        masked[:, self.columns] = features[:, self.columns]
        pipeline = Pipeline(
            [
                ("imputer", SimpleImputer(strategy="mean")),
                ("scaler", StandardScaler()),
                ("regression", LogisticRegression(max_iter=1_000)),
            ]
        )
        pipeline.fit(masked, outcomes, regression__sample_weight=sample_weight)
        if self.prevalence is not None:
            share = float(np.average(outcomes, weights=sample_weight))
            regression = pipeline.named_steps["regression"]
            regression.intercept_ = regression.intercept_ + prior_shift(share, self.prevalence)
        return pipeline


def decision_model(
    names: Sequence[str], *, used: Sequence[str], prevalence: float | None = None
) -> DecisionModel:
    """The untrained model for the feature row `names` that looks at the columns `used`."""
    return DecisionModel(
        columns=tuple(names.index(name) for name in used),
        prevalence=prevalence,
    )


def prior_shift(trained: float, real: float) -> float:
    """What to add to log-odds when the share of positives is `real` instead of `trained`.

    Saerens, Latinne, Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities" (2002), equation 2.4: it holds when ill and healthy people look as before and
    only their shares differ.
    """
    return math.log(real / (1.0 - real)) - math.log(trained / (1.0 - trained))


def at_prevalence(scores: Floats, *, trained: float, real: float) -> Floats:
    """Probabilities (n,) for a population with the share `real`; they keep their order."""
    with np.errstate(divide="ignore"):
        odds = np.log(scores) - np.log1p(-scores) + prior_shift(trained, real)
    shifted: Floats = 1.0 / (1.0 + np.exp(-odds))
    return shifted


def estimated_prevalence(scores: Floats, *, trained: float, rounds: int = 1_000) -> float:
    """The share of positives among n cases without labels, from their scores (n,).

    By expectation maximisation, section 2.2 of the same article. The scores must be calibrated for
    the share `trained`.
    """
    share = trained
    for _ in range(rounds):
        mean = float(at_prevalence(scores, trained=trained, real=share).mean())
        mean = min(max(mean, 1e-9), 1.0 - 1e-9)
        if abs(mean - share) < 1e-9:
            break
        share = mean
    return share


def precision_at(*, recall: float, specificity: float, prevalence: float) -> float:
    """The share of ill people among those who are reported, by Bayes' theorem."""
    hits = recall * prevalence
    false_alarms = (1.0 - specificity) * (1.0 - prevalence)
    return hits / (hits + false_alarms) if hits + false_alarms > 0.0 else math.nan
