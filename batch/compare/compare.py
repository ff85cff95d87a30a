"""Compare two versions of a model: pure functions over what was read of them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from batch.compare.comparison import (
    Comparison,
    DataChange,
    Rows,
    SameCases,
    Side,
    TextChange,
    VersionFacts,
)
from batch.compare.score_changes import (
    Judged,
    band_changes,
    metric_changes,
    metrics_on_same_cases,
)
from batch.explore.distributions import distribution_change
from models.scoring_model import ScoringModel

# Parameters of a run that other parts of the comparison show.
_SHOWN_ELSEWHERE = ("snapshot.", "library.", "git_commit", "definitions_digest", "training_rows")


def compare(
    old: Side,
    new: Side,
    *,
    same: SameCases | None,
    categories: Mapping[str, tuple[str, ...]],
    commits_between: int | None,
    notes: tuple[str, ...] = (),
) -> Comparison:
    """The comparison; `categories`: feature → names by code. `same` and `notes` are passed on."""
    names = [side.card.feature_names for side in (old, new)]
    return Comparison(
        scenario=new.card.scenario,
        old=facts(old),
        new=facts(new),
        data=data_change(old.rows, new.rows, categories=categories),
        features_added=tuple(name for name in names[1] if name not in names[0]),
        features_removed=tuple(name for name in names[0] if name not in names[1]),
        parameters=_parameters(old.registered.params, new.registered.params),
        libraries=text_changes(old.card.library_versions, new.card.library_versions),
        commits_between=commits_between,
        metrics=metric_changes(old.card.metrics, new.card.metrics),
        same_cases=same,
        notes=notes,
    )


def facts(side: Side) -> VersionFacts:
    """What one version is and what it was trained on."""
    card, rows, reference = side.card, side.rows, side.card.snapshot
    counts = card.training_counts
    trained = counts.get("train_rows", 0) + counts.get("test_rows", 0)
    return VersionFacts(
        version=side.registered.version,
        run_id=side.registered.run_id,
        created_at=card.created_at,
        git_commit=card.git_commit,
        seed=card.seed,
        definitions_digest=card.definitions_digest,
        rows=trained,
        train_rows=counts.get("train_rows", 0),
        positives=counts.get("train_positives", 0) + counts.get("test_positives", 0),
        snapshot_number=reference.number if reference else None,
        snapshot_version=reference.version if reference else None,
        snapshot_as_of=rows.record.as_of if rows else None,
        rows_digest=reference.rows_digest if reference else None,
        rows_erased=trained - len(rows.training_set.entities) if rows else None,
    )


def data_change(
    old: Rows | None, new: Rows | None, *, categories: Mapping[str, tuple[str, ...]]
) -> DataChange | None:
    """Two snapshots' rows, features by falling index; None when one of them is not known."""
    if old is None or new is None:
        return None
    before, after = set(old.training_set.entities), set(new.training_set.entities)
    positions = {name: column for column, name in enumerate(old.record.feature_names)}
    changes = [
        distribution_change(
            name,
            old.training_set.features[:, positions[name]],
            new.training_set.features[:, column],
            names=categories.get(name),
        )
        for column, name in enumerate(new.record.feature_names)
        if name in positions
    ]
    return DataChange(
        is_same=old.training_set.digest == new.training_set.digest,
        entities_in_both=len(before & after),
        entities_added=len(after - before),
        entities_removed=len(before - after),
        features=tuple(sorted(changes, key=lambda change: -change.psi)),
    )


def newer_rows(old: Rows | None, new: Rows | None) -> Rows | None:
    """Those of the newer snapshot, whichever version was trained on it."""
    snapshots = [rows for rows in (old, new) if rows is not None]
    return max(snapshots, key=lambda rows: rows.record.number, default=None)


def same_cases(
    rows: Rows, sides: tuple[Side, Side], *, models: tuple[ScoringModel, ScoringModel]
) -> SameCases | None:
    """Both models on the held-out part of `rows` that neither was trained on; None without any.

    The models take matrices with the columns `rows.record.feature_names`.
    """
    positions = held_out_from_both(rows, sides)
    if not len(positions):
        return None
    features, outcomes = (
        rows.training_set.features[positions],
        rows.training_set.outcomes[positions],
    )
    old, new = (
        Judged(
            scores=model.scores(features),
            thresholds=side.card.thresholds,
            decision_threshold=side.card.metrics.get("threshold", 0.5),
        )
        for side, model in zip(sides, models, strict=True)
    )
    entities = [rows.training_set.entities[row] for row in positions.tolist()]
    return SameCases(
        snapshot_number=rows.record.number,
        rows=len(positions),
        left_out=int(rows.training_set.is_test.sum()) - len(positions),
        metrics=metrics_on_same_cases(old, new, outcomes),
        decisions=band_changes(old, new, entities=entities, outcomes=outcomes),
    )


def held_out_from_both(rows: Rows, sides: tuple[Side, Side]) -> npt.NDArray[np.int64]:
    """Positions in `rows` of the held-out rows that neither side was trained on.

    Another held-out fraction may have trained on some of them.
    """
    trained_on: set[str] = set()
    for side in sides:
        if side.rows is not None:
            training_set = side.rows.training_set
            pairs = zip(training_set.entities, training_set.is_test.tolist(), strict=True)
            trained_on |= {entity for entity, is_test in pairs if not is_test}
    fresh = np.array(
        [entity not in trained_on for entity in rows.training_set.entities], dtype=np.bool_
    )
    return np.flatnonzero(fresh & rows.training_set.is_test)


def text_changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[TextChange, ...]:
    """What differs, by name."""
    names = sorted(old.keys() | new.keys())
    changes = [TextChange(name=name, old=old.get(name), new=new.get(name)) for name in names]
    return tuple(change for change in changes if change.old != change.new)


def _parameters(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[TextChange, ...]:
    # An estimator inside the estimator is listed by its own parameters, not by its whole text.
    wholes = {name.rpartition("__")[0] for name in old.keys() | new.keys()}
    return tuple(
        text_change
        for text_change in text_changes(old, new)
        if text_change.name not in wholes and not text_change.name.startswith(_SHOWN_ELSEWHERE)
    )
