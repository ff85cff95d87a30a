"""What a person reads of a comparison of two model versions, and the files that keep it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from batch.comparison import Comparison, DataChange, SameCases, TextChange, VersionFacts
from batch.score_changes import BandChanges, NumberChange

_FILE_WIDTH = 110
# Features that changed less are counted, not listed.
_LEAST_PSI_TOLD = 0.01
_MOST_FEATURES_TOLD = 15

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


def show(comparison: Comparison, console: Console) -> None:
    """Print all of it."""
    for each in renderables(comparison):
        console.print(each)


def write(folder: Path, comparison: Comparison) -> list[Path]:
    """Write compare-OLD-NEW.json and .txt into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"compare-{comparison.old.version}-{comparison.new.version}"
    as_json, as_text = stem.with_suffix(".json"), stem.with_suffix(".txt")
    as_json.write_bytes(msgspec.json.format(msgspec.json.encode(comparison), indent=2) + b"\n")
    with as_text.open("w", encoding="utf-8") as file:
        show(comparison, Console(file=file, width=_FILE_WIDTH))
    return [as_json, as_text]


def renderables(comparison: Comparison) -> Iterator[RenderableType]:
    """The parts in the order they are read: who, what changed, how good, which decisions."""
    old, new = comparison.old, comparison.new
    yield Text(f"{comparison.scenario}: version {new.version} against version {old.version}")
    for note in comparison.notes:
        yield Text(f"note: {note}")
    yield _facts_table(old, new)
    yield Text(_code_words(comparison))
    yield from _changed("parameters", comparison.parameters)
    yield from _changed("library versions", comparison.libraries)
    for words, names in (
        ("added", comparison.features_added),
        ("removed", comparison.features_removed),
    ):
        if names:
            yield Text(f"features {words}: {', '.join(names)}")
    if comparison.data is not None:
        yield from _data(comparison.data)
    yield _numbers("each on its own held-out part", comparison.metrics, old=old, new=new)
    if comparison.same_cases is not None:
        yield from _same(comparison.same_cases, old=old, new=new)


def _facts_table(old: VersionFacts, new: VersionFacts) -> Table:
    table = Table("", f"version {old.version}", f"version {new.version}", box=None)
    sides = [_fact_words(each) for each in (old, new)]
    for words in sides[0]:
        left, right = (side[words] for side in sides)
        table.add_row(words, Text(left), Text(right, style="bold" if left != right else ""))
    return table


def _fact_words(facts: VersionFacts) -> dict[str, str]:
    at = "" if facts.snapshot_version is None else f", version {facts.snapshot_version}"
    erased = "not known" if facts.rows_erased is None else f"{facts.rows_erased:,}"
    return {
        "trained at": facts.created_at,
        "run": facts.run_id,
        "git commit": facts.git_commit,
        "seed": f"{facts.seed}",
        "snapshot": "none" if facts.snapshot_number is None else f"{facts.snapshot_number}{at}",
        "as of": facts.snapshot_as_of or "not known",
        "rows": f"{facts.rows:,}",
        "positives": f"{facts.positives:,} ({facts.positives / max(facts.rows, 1):.1%})",
        "digest of the rows": facts.rows_digest or "not known",
        "rows erased since the training": erased,
        "feature definitions": facts.definitions_digest,
    }


def _code_words(comparison: Comparison) -> str:
    old, new = comparison.old.git_commit, comparison.new.git_commit
    dirty = [
        f"version {each.version} was trained with files that differ from its commit"
        for each in (comparison.old, comparison.new)
        if each.git_commit.endswith("-dirty")
    ]
    count = comparison.commits_between
    between = "commits between them: not known here" if count is None else f"{count:,} commits"
    what = "same commit" if old == new else between
    return "; ".join([f"code: {what}", *dirty])


def _changed(title: str, changes: Sequence[TextChange]) -> Iterator[RenderableType]:
    if not changes:
        yield Text(f"{title}: the same")
        return
    table = Table(title, "old", "new", box=None)
    for each in changes:
        table.add_row(each.name, Text(each.old or "none"), Text(each.new or "none"))
    yield table


def _data(data: DataChange) -> Iterator[RenderableType]:
    yield Text(
        f"customers: {data.entities_in_both:,} in both, {data.entities_added:,} added, "
        f"{data.entities_removed:,} removed"
    )
    if data.is_same:
        yield Text("rows: the same")
        return
    told = [each for each in data.features if each.psi >= _LEAST_PSI_TOLD]
    told = told[:_MOST_FEATURES_TOLD]
    table = Table("feature", "PSI", "change", "KS", "mean", "", "missing", "", box=None)
    for each in told:
        ks = "" if each.ks is None else f"{each.ks:.3f}"
        means = ["" if part.mean is None else f"{part.mean:,.4g}" for part in (each.old, each.new)]
        missing = [f"{part.missing_share:.1%}" for part in (each.old, each.new)]
        table.add_row(each.feature, f"{each.psi:.3f}", each.verdict, ks, *means, *missing)
    if told:
        yield table
    yield Text(f"{len(data.features) - len(told):,} features are not listed: they changed less")


def _numbers(
    title: str, changes: Sequence[NumberChange], *, old: VersionFacts, new: VersionFacts
) -> Table:
    table = Table(title, f"version {old.version}", f"version {new.version}", "difference", box=None)
    by_name = {each.name: each for each in changes}
    for name, words in _METRICS.items():
        if (each := by_name.get(name)) is not None:
            figures = (_figure(each.old), _figure(each.new))
            table.add_row(words, *figures, _figure(each.difference, signed=True))
    return table


def _same(same: SameCases, *, old: VersionFacts, new: VersionFacts) -> Iterator[RenderableType]:
    title = f"both on the {same.rows:,} held-out rows of snapshot {same.snapshot_number}"
    yield _numbers(title, same.metrics, old=old, new=new)
    if same.left_out:
        yield Text(f"{same.left_out:,} rows left out: one of the versions was trained on them")
    yield from _bands(same.decisions, old=old, new=new)


def _bands(
    changes: BandChanges, *, old: VersionFacts, new: VersionFacts
) -> Iterator[RenderableType]:
    headings = [f"{name} (version {new.version})" for name in changes.new_bands]
    table = Table("decisions", *headings, box=None)
    for name, counts in zip(changes.old_bands, changes.matrix, strict=True):
        table.add_row(f"{name} (version {old.version})", *(f"{count:,}" for count in counts))
    yield table
    yield Text(
        f"{changes.flipped:,} of {changes.cases:,} decisions differ ({changes.flipped_share:.2%}); "
        f"scores moved by {changes.mean_score_change:.4f} on average, "
        f"{changes.largest_score_change:.4f} at most"
    )
    movers = Table("moved most", "outcome", "old score", "new score", "old", "new", box=None)
    for each in changes.movers:
        scores = (f"{each.old_score:.4f}", f"{each.new_score:.4f}")
        movers.add_row(each.entity, f"{each.outcome}", *scores, each.old_band, each.new_band)
    yield movers


def _figure(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "none"
    return f"{value:+.4f}" if signed else f"{value:.4f}"
