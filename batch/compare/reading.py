"""What is read to compare two model versions: their runs, cards, snapshots and models."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pyspark.sql import SparkSession

from batch.compare.compare import compare, newer_rows, same_cases
from batch.compare.comparison import Comparison, Rows, SameCases, Side
from batch.training_sets.snapshots import MADE_BY, SnapshotRecord, load_training_set, record_at
from models.errors import ModelNeedsFeatures
from models.registry.versions import TrainedVersion, card_of, load_version
from stores.delta.tables import TableAbsent, commits

Progress = Callable[[str], None]


def compared(
    spark: SparkSession,
    versions: tuple[TrainedVersion, TrainedVersion],
    *,
    categories: Mapping[str, tuple[str, ...]],
    commits_between: Callable[[str, str], int | None],
    cache_dir: Path,
    progress: Progress,
) -> Comparison:
    """The comparison of two registered versions, older first.

    Erased rows are not read. What is missing (a version without a snapshot, a model that
    needs other features) is left out and named in the notes. Raises `ModelUnusable`.
    """
    old = read_side(spark, versions[0], cache_dir=cache_dir, progress=progress)
    new = read_side(spark, versions[1], cache_dir=cache_dir, progress=progress, known=old.rows)
    notes = [_note(side) for side in (old, new) if side.rows is None]
    rows, same = newer_rows(old.rows, new.rows), None
    if rows is not None:
        notes += _definition_notes(rows, (old, new))
        progress(f"scoring the held-out part of snapshot {rows.record.number} with both")
        try:
            same = _same_cases(rows, (old, new), cache_dir)
        except ModelNeedsFeatures as error:
            notes.append(f"decisions are not compared: {error}")
    return compare(
        old,
        new,
        same=same,
        categories=categories,
        commits_between=commits_between(old.card.git_commit, new.card.git_commit),
        notes=tuple(notes),
    )


def read_side(
    spark: SparkSession,
    registered: TrainedVersion,
    *,
    cache_dir: Path,
    progress: Progress,
    known: Rows | None = None,
) -> Side:
    """A version's card, and its snapshot's rows as they are now.

    known: rows as they are now, of any snapshot; those of the version's own are not read again
    """
    card = card_of(registered, cache_dir=cache_dir)
    if card.snapshot is None:
        return Side(registered=registered, card=card, rows=None)
    if known is not None and known.record.path == card.snapshot.path:
        return Side(registered=registered, card=card, rows=known)
    progress(f"reading snapshot {card.snapshot.number} of version {registered.version}")
    try:
        rows = present_rows(spark, record_at(spark, card.snapshot.path))
    except TableAbsent:
        rows = None
    return Side(registered=registered, card=card, rows=rows)


def present_rows(spark: SparkSession, record: SnapshotRecord) -> Rows:
    """The rows of a snapshot as they are now: those that were erased since are not among them."""
    version = commits(spark, record.path, made_by=MADE_BY)[0].version
    return Rows(
        record=record,
        version=version,
        training_set=load_training_set(spark, record, version=version),
    )


def _same_cases(rows: Rows, sides: tuple[Side, Side], cache_dir: Path) -> SameCases | None:
    names = rows.record.feature_names
    old, new = (
        load_version(side.registered, available_features=names, cache_dir=cache_dir)
        for side in sides
    )
    return same_cases(rows, sides, models=(old, new))


def _note(side: Side) -> str:
    version, reference = side.registered.version, side.card.snapshot
    if reference is None:
        return f"version {version} names no training snapshot: its data is not compared"
    return f"version {version}: there is no snapshot {reference.path} any more"


def _definition_notes(rows: Rows, sides: tuple[Side, Side]) -> list[str]:
    made_by = rows.record.definitions_digest
    return [
        f"version {side.registered.version} was trained on features of definitions "
        f"{side.card.definitions_digest}; it is scored on those of {made_by}"
        for side in sides
        if side.card.definitions_digest != made_by
    ]
