"""Four pictures of how good scores are, as PNG files."""

from pathlib import Path
from typing import Any

import numpy as np

from models.evaluation.metrics import CALIBRATION_BINS, Evaluation, Outcomes, Scores

_SIZE_INCHES = (5.0, 4.5)
_DOTS_PER_INCH = 120


def save_plots(
    folder: Path, outcomes: Outcomes, scores: Scores, evaluation: Evaluation
) -> list[Path]:
    """Write roc.png, precision_recall.png, calibration.png and confusion.png into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "roc": _roc,
        "precision_recall": _precision_recall,
        "calibration": _calibration,
        "confusion": _confusion,
    }
    paths = []
    for name, draw in drawings.items():
        figure, axes = _figure()
        draw(axes, outcomes, scores, evaluation)
        path = folder / f"{name}.png"
        figure.savefig(path)
        paths.append(path)
    return paths


def _figure() -> tuple[Any, Any]:
    # Figures of their own, not pyplot's: no window system, no global state. Imported here because
    # matplotlib takes 0.5 s.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _roc(axes: Any, outcomes: Outcomes, scores: Scores, evaluation: Evaluation) -> None:
    from sklearn.metrics import roc_curve

    false_positive_rate, true_positive_rate, _ = roc_curve(outcomes, scores)
    axes.plot(false_positive_rate, true_positive_rate, label="model")
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="by chance")
    axes.set(
        title=f"ROC, area {evaluation.auroc:.3f} ({evaluation.rows:,} held-out rows)",
        xlabel="false positive rate",
        ylabel="true positive rate",
    )
    axes.legend(loc="lower right")


def _precision_recall(
    axes: Any, outcomes: Outcomes, scores: Scores, evaluation: Evaluation
) -> None:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(outcomes, scores)
    share = evaluation.positives / evaluation.rows
    axes.plot(recall, precision, label="model")
    axes.axhline(share, linestyle=":", color="grey", label=f"by chance ({share:.2f})")
    axes.plot(
        evaluation.recall_at_threshold,
        evaluation.precision_at_threshold,
        "o",
        label=f"threshold {evaluation.threshold:.2f}",
    )
    axes.set(
        title=f"Precision and recall, average precision {evaluation.average_precision:.3f}",
        xlabel="recall",
        ylabel="precision",
        ylim=(0, 1.02),
    )
    axes.legend(loc="upper right")


def _calibration(axes: Any, outcomes: Outcomes, scores: Scores, evaluation: Evaluation) -> None:
    bins = np.minimum((scores * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = rows > 0
    mean_score = np.bincount(bins, weights=scores, minlength=CALIBRATION_BINS)[used] / rows[used]
    observed = np.bincount(bins, weights=outcomes, minlength=CALIBRATION_BINS)[used] / rows[used]
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="perfect")
    axes.plot(mean_score, observed, "o-", label="model")
    for x, y, count in zip(mean_score, observed, rows[used], strict=True):
        axes.annotate(f"{count}", (x, y), textcoords="offset points", xytext=(6, -10), fontsize=7)
    error = evaluation.expected_calibration_error
    axes.set(
        title=f"Calibration, expected error {error:.3f} (rows at each point)",
        xlabel="mean score",
        ylabel="observed share",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend(loc="upper left")


def _confusion(axes: Any, outcomes: Outcomes, scores: Scores, evaluation: Evaluation) -> None:
    cells = np.array(
        [
            [evaluation.true_negatives, evaluation.false_positives],
            [evaluation.false_negatives, evaluation.true_positives],
        ]
    )
    axes.imshow(cells, cmap="Blues")
    for (row, column), count in np.ndenumerate(cells):
        colour = "white" if count > cells.max() / 2 else "black"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    axes.set(
        title=f"Decisions at threshold {evaluation.threshold:.2f}",
        xlabel="flagged",
        ylabel="outcome",
        xticks=[0, 1],
        yticks=[0, 1],
        xticklabels=["no", "yes"],
        yticklabels=["negative", "positive"],
    )
