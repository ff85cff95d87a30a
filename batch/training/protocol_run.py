"""Models trained and tested by the protocol, one after the other, for any dates."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from batch.training.protocol import Protocol, Split, days_of, split
from models.evaluation.card_precision import CARDS_PER_DAY, card_precision
from models.evaluation.metrics import check_both_classes, expected_calibration_error
from models.training.fitting import reproducible_fitting
from models.training.references import REFERENCES
from scenarios.contract.scenario import Scenario
from scenarios.simulation.labelled_history import LabelledHistory

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model to test: how to create it untrained, and the columns of the feature rows it takes."""

    name: str
    untrained: Callable[[], Any]
    columns: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Round:
    """One candidate's test from `test_start` on.

    scores    float64 (t,) of the test rows, in order of time
    """

    test_start: date
    candidate: str
    split: Split
    auroc: float
    average_precision: float
    card_precision: float
    brier: float
    expected_calibration_error: float
    seconds: float
    scores: Floats = field(repr=False)

    def metrics(self) -> dict[str, float]:
        """The measures by name."""
        return {
            "auroc": self.auroc,
            "average_precision": self.average_precision,
            f"card_precision_{CARDS_PER_DAY}": self.card_precision,
            "brier": self.brier,
            "expected_calibration_error": self.expected_calibration_error,
            "train_rows": float(self.split.train.sum()),
            "test_rows": float(self.split.test.sum()),
            "test_rows_removed": float(self.split.removed),
            "seconds": self.seconds,
        }


def candidates(scenario: Scenario, history: LabelledHistory, *, seed: int) -> list[Candidate]:
    """The references on their own features, then the scenario's model on all of its."""
    names = list(scenario.feature_names)
    columns = [names.index(name) for name in history.reference_features]
    references = [
        Candidate(name=name, untrained=untrained, columns=columns)
        for name, untrained in REFERENCES.items()
    ]
    own_candidate = Candidate(
        name=scenario.name,
        untrained=lambda: scenario.estimator(seed),
        columns=range(len(names)),
    )
    return [*references, own_candidate]


def check_reach(
    history: LabelledHistory, test_starts: Sequence[date], *, protocol: Protocol
) -> None:
    """Raise `OutsideHistory` when the history does not cover one of the tests."""
    for start in test_starts:
        split_of(history, test_start=start, protocol=protocol)


def split_of(history: LabelledHistory, *, test_start: date, protocol: Protocol) -> Split:
    """The rows of one round; raises `OutsideHistory`."""
    events = history.events
    return split(
        days_of(events.times_ms),
        events.entity_codes,
        history.outcomes,
        test_start=test_start,
        protocol=protocol,
    )


def round_of(
    candidate: Candidate,
    history: LabelledHistory,
    features: Floats,
    *,
    test_start: date,
    protocol: Protocol,
) -> Round:
    """Train and test `candidate`; features (n, k) of the history's events.

    Raises `OutsideHistory`, and `OneClassOnly` when a period has outcomes of one kind only.
    """
    from sklearn import metrics

    rows = split_of(history, test_start=test_start, protocol=protocol)
    outcomes = history.outcomes[rows.test]
    check_both_classes(history.outcomes[rows.train])
    check_both_classes(outcomes)
    started = time.monotonic()
    with reproducible_fitting():
        candidate_features = features[:, list(candidate.columns)]
        estimator = candidate.untrained().fit(
            candidate_features[rows.train], history.outcomes[rows.train]
        )
        scores = estimator.predict_proba(candidate_features[rows.test])[:, 1]
    days, cards = days_of(history.events.times_ms), history.events.entity_codes
    daily_precision = card_precision(days[rows.test], cards[rows.test], outcomes, scores)
    return Round(
        test_start=test_start,
        candidate=candidate.name,
        split=rows,
        auroc=float(metrics.roc_auc_score(outcomes, scores)),
        average_precision=float(metrics.average_precision_score(outcomes, scores)),
        card_precision=daily_precision.mean,
        brier=float(np.mean((scores - outcomes) ** 2)),
        expected_calibration_error=expected_calibration_error(outcomes, scores),
        seconds=time.monotonic() - started,
        scores=scores,
    )
