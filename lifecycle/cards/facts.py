"""What a model card states beyond what the version's own card.json holds, measured once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lifecycle.gate_report import GateReport
from lifecycle.gates.bootstrap import (
    Floats,
    Interval,
    Ints,
    auroc,
    average_precision,
    interval,
)
from lifecycle.gates.evidence import Evidence
from lifecycle.gates.gate import Bounds, Gate
from lifecycle.gates.quality import SEED
from models.card import ModelCard
from models.evaluation.metrics import CALIBRATION_BINS, calibration_bins
from models.scoring_model import ScoringModel

_EXPLAINED_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class CalibrationPoint:
    """One bin of scores: its rows, their mean score and the share that was positive."""

    rows: int
    mean_score: float
    observed: float


@dataclass(frozen=True, kw_only=True)
class ReasonStability:
    """How alike two halves of the held-out rows explain the model.

    correlation  Spearman's, of the features' mean |contribution| in the two halves
    rows         that were explained
    largest      the features with the largest mean |contribution|, with it
    """

    correlation: float
    rows: int
    largest: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """All of a card; `report` holds slices and approvals. `metrics` have 95 % intervals."""

    name: str
    version: str
    run_id: str
    title: str
    card: ModelCard
    report: GateReport
    metrics: Mapping[str, Interval]
    calibration: tuple[CalibrationPoint, ...]
    reasons: ReasonStability | None
    source: str

    @property
    def slices(self) -> list[Gate]:
        """The gates on slices."""
        return [gate for gate in self.report.gates if gate.name.startswith("slice ")]


def brier(outcomes: Ints, scores: Floats, weights: Floats) -> Floats:
    """Weighted Brier score (b,) for weights (b, n); NaN where all weights are 0."""
    with np.errstate(invalid="ignore"):  # a resample of few entities may have none of them
        loss: Floats = weights @ ((scores - outcomes) ** 2) / weights.sum(axis=1)
    return loss


def card_facts(
    evidence: Evidence, report: GateReport, bounds: Bounds, *, run_id: str, title: str
) -> CardFacts:
    """Measure what the card shows; without held-out rows it has no measures."""
    held_out, metrics = evidence.held_out, {}
    calibration: tuple[CalibrationPoint, ...] = ()
    if held_out is not None and held_out.has_both_outcomes:
        measures = {"AUROC": auroc, "average precision": average_precision, "Brier score": brier}
        metrics = {
            words: interval(
                measure,
                held_out.rows,
                held_out.scores,
                rounds=bounds.bootstrap_rounds,
                seed=SEED,
            )
            for words, measure in measures.items()
        }
        calibration = calibration_points(held_out.outcomes, held_out.scores)
    stability = None
    if held_out is not None and evidence.model is not None:
        stability = reason_stability(evidence.model, held_out.features)
    return CardFacts(
        name=report.name,
        version=report.version,
        run_id=run_id,
        title=title,
        card=evidence.card,
        report=report,
        metrics=metrics,
        calibration=calibration,
        reasons=stability,
        source=held_out.source if held_out is not None else "no snapshot",
    )


def calibration_points(outcomes: Ints, scores: Floats) -> tuple[CalibrationPoint, ...]:
    """The bins of `expected_calibration_error` that hold rows, by rising score."""
    bins = calibration_bins(scores)
    return tuple(
        CalibrationPoint(
            rows=int(member.sum()),
            mean_score=float(scores[member].mean()),
            observed=float(outcomes[member].mean()),
        )
        for member in (bins == number for number in range(CALIBRATION_BINS))
        if member.any()
    )


def reason_stability(model: ScoringModel, features: Floats) -> ReasonStability | None:
    """None for a version without reasons, or for fewer than four rows."""
    rows = np.random.default_rng(SEED).permutation(len(features))[:_EXPLAINED_ROWS]
    contributions = model.contributions(features[rows]) if len(rows) >= 4 else None
    if contributions is None:
        return None
    sizes = np.abs(contributions)
    halves = sizes[: len(rows) // 2].mean(axis=0), sizes[len(rows) // 2 :].mean(axis=0)
    means = sizes.mean(axis=0)
    names = np.array(model.card.feature_names)
    own_means = means[model.columns]
    largest = np.argsort(-own_means, kind="stable")[:5]
    return ReasonStability(
        correlation=_spearman(halves[0][model.columns], halves[1][model.columns]),
        rows=len(rows),
        largest=tuple((str(names[at]), float(own_means[at])) for at in largest.tolist()),
    )


def _spearman(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> float:
    from scipy.stats import spearmanr

    if np.ptp(left) == 0.0 or np.ptp(right) == 0.0:
        return float(np.array_equal(left, right))
    return float(spearmanr(left, right).statistic)
