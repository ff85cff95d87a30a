"""What a person reads of a comparison of two model versions, and the files that store it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from batch.compare.comparison import Comparison, DataChange, SameCases, TextChange, VersionFacts
from batch.compare.score_change_tables import band_renderables, numbers_table
from reports.files import replacing, write_bytes
from reports.terminal import Terminal, plain, visible

_FILE_WIDTH = 120
# Features that changed less are counted, not listed.
_LEAST_PSI_LISTED = 0.01
_MOST_FEATURES_LISTED = 15


def show(comparison: Comparison, console: Console) -> None:
    """Print all of it, a blank line between the parts."""
    for renderable in renderables(comparison):
        console.print(renderable, soft_wrap=isinstance(renderable, Text))
        if isinstance(renderable, Table):
            console.print()


def write(folder: Path, comparison: Comparison) -> list[Path]:
    """Write compare-OLD-NEW.json and .txt into `folder` and return their paths."""
    stem = folder / f"compare-{comparison.old.version}-{comparison.new.version}"
    as_json, as_text = stem.with_suffix(".json"), stem.with_suffix(".txt")
    write_bytes(as_json, msgspec.json.format(msgspec.json.encode(comparison), indent=2) + b"\n")
    with replacing(as_text) as part, part.open("w", encoding="utf-8") as file:
        show(comparison, Terminal(file=file, width=_FILE_WIDTH))
    return [as_json, as_text]


def result_console() -> Terminal:
    """Standard output as wide as the terminal, or as the files when it is none."""
    console = Terminal()
    return console if console.is_terminal else Terminal(width=_FILE_WIDTH)


def renderables(comparison: Comparison) -> Iterator[RenderableType]:
    """The parts in the order they are read: who, what changed, how good, which decisions."""
    old, new = comparison.old, comparison.new
    yield plain(f"{comparison.scenario}: version {new.version} against version {old.version}")
    for note in comparison.notes:
        yield plain(f"note: {note}")
    yield _facts_table(old, new)
    yield plain(_code_words(comparison))
    yield from _changed("parameters", comparison.parameters)
    yield from _changed("library versions", comparison.libraries)
    for words, names in (
        ("added", comparison.features_added),
        ("removed", comparison.features_removed),
    ):
        if names:
            yield plain(f"features {words}: {', '.join(names)}")
    if comparison.data is not None:
        yield from _data(comparison.data)
    yield numbers_table("each on its own held-out part", comparison.metrics, old=old, new=new)
    if comparison.same_cases is not None:
        yield from _same(comparison.same_cases, old=old, new=new)


def _facts_table(old: VersionFacts, new: VersionFacts) -> Table:
    table = _table("", f"version {old.version}", f"version {new.version}")
    sides = [_fact_words(facts) for facts in (old, new)]
    for words in sides[0]:
        left, right = (side[words] for side in sides)
        table.add_row(
            words, plain(left), Text(visible(right), style="bold" if left != right else "")
        )
    return table


def _fact_words(facts: VersionFacts) -> dict[str, str]:
    at = "" if facts.snapshot_version is None else f", version {facts.snapshot_version}"
    erased = "not known" if facts.rows_erased is None else f"{facts.rows_erased:,}"
    return {
        "trained at": facts.created_at,
        "run": facts.run_id,
        "git commit": _short(facts.git_commit),
        "seed": f"{facts.seed}",
        "snapshot": "none" if facts.snapshot_number is None else f"{facts.snapshot_number}{at}",
        "as of": facts.snapshot_as_of or "not known",
        "rows": f"{facts.rows:,}",
        "of these to train on": f"{facts.train_rows:,}",
        "positives": f"{facts.positives:,} ({facts.positives / max(facts.rows, 1):.1%})",
        "digest of the rows": facts.rows_digest or "not known",
        "rows erased since the training": erased,
        "feature definitions": facts.definitions_digest,
    }


def _short(commit: str) -> str:
    """The first digits of a commit, and its mark for files that differed from it."""
    digits, dash, dirty = commit.partition("-")
    return f"{digits[:12]}{dash}{dirty}"


def _code_words(comparison: Comparison) -> str:
    old, new = comparison.old.git_commit, comparison.new.git_commit
    dirty = [
        f"version {facts.version} was trained with files that differ from its commit"
        for facts in (comparison.old, comparison.new)
        if facts.git_commit.endswith("-dirty")
    ]
    count = comparison.commits_between
    between = (
        "commits between them: not known here"
        if count is None
        else f"commits between them: {count:,}"
    )
    what = "same commit" if old == new else between
    return "; ".join([f"code: {what}", *dirty])


def _changed(title: str, changes: Sequence[TextChange]) -> Iterator[RenderableType]:
    if not changes:
        yield plain(f"{title}: the same")
        return
    table = _table(title, "old", "new")
    for change in changes:
        table.add_row(change.name, plain(change.old or "none"), plain(change.new or "none"))
    yield table


def _data(data: DataChange) -> Iterator[RenderableType]:
    yield plain(
        f"customers: {data.entities_in_both:,} in both, {data.entities_added:,} added, "
        f"{data.entities_removed:,} removed"
    )
    if data.is_same:
        yield plain("rows: the same")
        return
    changes = [change for change in data.features if change.psi >= _LEAST_PSI_LISTED]
    changes = changes[:_MOST_FEATURES_LISTED]
    table = Table("feature", "PSI", "change", "KS", "mean", "", "missing", "", box=None)
    for change in changes:
        ks = "" if change.ks is None else f"{change.ks:.3f}"
        means = [
            "" if part.mean is None else f"{part.mean:,.4g}" for part in (change.old, change.new)
        ]
        missing = [f"{part.missing_share:.1%}" for part in (change.old, change.new)]
        table.add_row(change.feature, f"{change.psi:.3f}", change.verdict, ks, *means, *missing)
    if changes:
        yield table
    yield plain(
        f"{len(data.features) - len(changes):,} features are not listed: their PSI is lower"
    )


def _same(same: SameCases, *, old: VersionFacts, new: VersionFacts) -> Iterator[RenderableType]:
    title = f"both on the {same.rows:,} held-out rows of snapshot {same.snapshot_number}"
    yield numbers_table(title, same.metrics, old=old, new=new)
    if same.left_out:
        yield plain(f"{same.left_out:,} rows left out: one of the versions was trained on them")
    yield from band_renderables(same.decisions, old=old, new=new)


def _table(*headings: str) -> Table:
    """A table whose long texts are broken and not cut."""
    table = Table(box=None)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
