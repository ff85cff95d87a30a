"""How good scores are against known outcomes."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]

CALIBRATION_BINS = 10


class OneClassOnly(ValueError):
    """Outcomes of one kind only: nothing can be learnt or measured."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Measures of n scores.

    accuracy               share of right decisions at 0.5
    threshold              above or at it a score counts as positive in what follows
    true_negatives … true_positives   the confusion at the threshold
    expected_calibration_error        mean |score - observed share| over ten equal-width bins,
                                      weighted by their rows (Naeini et al., 2015)
    """

    rows: int
    positives: int
    auroc: float
    average_precision: float
    accuracy: float
    log_loss: float
    brier: float
    expected_calibration_error: float
    threshold: float
    accuracy_at_threshold: float
    precision_at_threshold: float
    recall_at_threshold: float
    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int

    def metrics(self) -> dict[str, float]:
        """All of it by name, as floats."""
        return {name: float(value) for name, value in asdict(self).items()}


def evaluate(outcomes: Outcomes, scores: Scores, *, threshold: float) -> Evaluation:
    """Measure `scores` (n,) in [0, 1] against `outcomes` (n,) of 0 and 1.

    Raises `OneClassOnly` when the outcomes are all alike (or there are none).
    """
    from sklearn import metrics

    check_both_classes(outcomes)
    flagged = scores >= threshold
    tn, fp, fn, tp = metrics.confusion_matrix(outcomes, flagged, labels=[0, 1]).ravel().tolist()
    return Evaluation(
        rows=len(outcomes),
        positives=int(outcomes.sum()),
        auroc=float(metrics.roc_auc_score(outcomes, scores)),
        average_precision=float(metrics.average_precision_score(outcomes, scores)),
        accuracy=float(np.mean((scores >= 0.5) == (outcomes == 1))),
        log_loss=float(metrics.log_loss(outcomes, scores, labels=[0, 1])),
        brier=float(np.mean((scores - outcomes) ** 2)),
        expected_calibration_error=expected_calibration_error(outcomes, scores),
        threshold=threshold,
        accuracy_at_threshold=(tn + tp) / len(outcomes),
        precision_at_threshold=tp / (tp + fp) if tp + fp else 0.0,
        recall_at_threshold=tp / (tp + fn),
        true_negatives=tn,
        false_positives=fp,
        false_negatives=fn,
        true_positives=tp,
    )


def expected_calibration_error(outcomes: Outcomes, scores: Scores) -> float:
    """See `Evaluation`; 0 is perfect, 1 the worst."""
    bins = calibration_bins(scores)
    gaps = np.bincount(bins, weights=scores - outcomes, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(scores))


def calibration_bins(scores: Scores) -> npt.NDArray[np.int64]:
    """The bin of each of n scores in [0, 1], from 0 to `CALIBRATION_BINS` - 1, of equal width."""
    bins: npt.NDArray[np.int64] = (scores * CALIBRATION_BINS).astype(np.int64)
    return np.minimum(bins, CALIBRATION_BINS - 1)


def best_f1_threshold(outcomes: Outcomes, scores: Scores) -> float:
    """The score from which flagging gives the highest F1; choose it on training data only."""
    from sklearn.metrics import precision_recall_curve

    check_both_classes(outcomes)
    precision, recall, thresholds = precision_recall_curve(outcomes, scores)
    total: Any = np.maximum(precision + recall, 1e-12)
    f1 = 2.0 * precision * recall / total
    return float(thresholds[int(np.argmax(f1[:-1]))])


def check_both_classes(outcomes: Outcomes) -> None:
    """Raise `OneClassOnly` unless `outcomes` (n,) holds both 0 and 1."""
    positives = int(outcomes.sum())
    if not 0 < positives < len(outcomes):
        raise OneClassOnly(
            f"of {len(outcomes)} outcomes {positives} are positive; expected both kinds"
        )
