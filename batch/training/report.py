"""What a person reads after a training: counts, quality, and where the run is."""

import shlex
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from batch.training.register import Stored
from batch.training.train import Trained
from models.registry.tracking import TrackingPlace

_SHOWN = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "accuracy": "accuracy at 0.5",
    "brier": "Brier score",
    "log_loss": "log loss",
    "expected_calibration_error": "expected calibration error",
    "threshold": "threshold (best F1 in training)",
    "precision_at_threshold": "precision at threshold",
    "recall_at_threshold": "recall at threshold",
    "cv_auroc_mean": "AUROC, mean of folds in training",
    "cv_auroc_sd": "AUROC, standard deviation of folds",
}


def show_counts(counts: Mapping[str, int], console: Console) -> None:
    """Print what was read, refused and used, one line each."""
    table = Table("training set", "records", box=None)
    for name, count in counts.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    console.print(table)


def show_training(
    trained: Trained, stored: Stored, console: Console, *, place: TrackingPlace
) -> None:
    """Print measures on the held-out part, the registered version and how to look at the run."""
    table = Table("on the held-out part", "", box=None)
    metrics = trained.metrics()
    for name, words in _SHOWN.items():
        table.add_row(words, f"{metrics[name]:.4f}")
    console.print(table)
    model = stored.model
    for line in (
        f"{model.name} version {model.version}: registered; {model.artifact_uri}",
        f"MLflow run {model.run_id}",
        f"look at it: mlflow ui --backend-store-uri {shlex.quote(place.tracking_uri)}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
