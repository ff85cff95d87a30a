"""Tables of measures and decisions by two model versions."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table

from batch.compare.comparison import VersionFacts
from batch.compare.score_changes import BandChanges, NumberChange
from reports.terminal import plain

_METRICS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "expected_calibration_error": "expected calibration error",
    "threshold": "threshold (best F1 in training)",
    "precision_at_threshold": "precision at threshold",
    "recall_at_threshold": "recall at threshold",
    "cv_auroc_mean": "AUROC, mean of folds in training",
}


def numbers_table(
    title: str, changes: Sequence[NumberChange], *, old: VersionFacts, new: VersionFacts
) -> Table:
    """Measures by both versions, and the differences."""
    table = Table(title, f"version {old.version}", f"version {new.version}", "difference", box=None)
    by_name = {change.name: change for change in changes}
    for name, words in _METRICS.items():
        if (change := by_name.get(name)) is not None:
            figures = (_figure(change.old), _figure(change.new))
            table.add_row(words, *figures, _figure(change.difference, signed=True))
    return table


def band_renderables(
    changes: BandChanges, *, old: VersionFacts, new: VersionFacts
) -> Iterator[RenderableType]:
    """Bands by bands, how many decisions differ, and the cases whose score moved most."""
    headings = [f"{name} (version {new.version})" for name in changes.new_bands]
    table = Table("decisions", *headings, box=None)
    for name, counts in zip(changes.old_bands, changes.matrix, strict=True):
        table.add_row(f"{name} (version {old.version})", *(f"{count:,}" for count in counts))
    yield table
    yield plain(
        f"{changes.flipped:,} of {changes.cases:,} decisions differ ({changes.flipped_share:.2%}); "
        f"scores moved by {changes.mean_score_change:.4f} on average, "
        f"{changes.largest_score_change:.4f} at most"
    )
    if not changes.movers:
        return
    movers = Table("moved most", "outcome", "old score", "new score", "old", "new", box=None)
    for mover in changes.movers:
        scores = (f"{mover.old_score:.4f}", f"{mover.new_score:.4f}")
        movers.add_row(mover.entity, f"{mover.outcome}", *scores, mover.old_band, mover.new_band)
    yield movers


def _figure(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "none"
    return f"{value:+.4f}" if signed else f"{value:.4f}"
