"""Two versions of the tiny model with their cards, as the registry returns them."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from batch.training_sets.snapshots import SnapshotRecord
from batch.training_sets.training_set import TrainingSet
from models.card import ModelCard, SnapshotReference
from models.formats.artifact import save_artifact
from models.registry.versions import TrainedVersion
from tests.scenarios.tiny import SCENARIO


def tiny_card(training_set: TrainingSet, record: SnapshotRecord, *, seed: int = 1) -> ModelCard:
    """The card of a version trained on `training_set`, the rows of the snapshot of `record`."""
    positives = training_set.outcomes[training_set.is_test]
    return ModelCard(
        scenario="tiny",
        feature_names=record.feature_names,
        definitions_digest=record.definitions_digest,
        seed=seed,
        training_counts={
            "train_rows": int((~training_set.is_test).sum()),
            "train_positives": int(training_set.outcomes.sum() - positives.sum()),
            "test_rows": len(positives),
            "test_positives": int(positives.sum()),
        },
        metrics={"auroc": 0.9 + seed / 100, "threshold": 0.5},
        thresholds=SCENARIO.policy.thresholds(),
        base_rate=0.2,
        created_at="2026-01-01T00:00:00+00:00",
        snapshot=SnapshotReference(
            path=record.path,
            version=0,
            number=record.number,
            rows=len(training_set.entities),
            rows_digest=training_set.digest,
        ),
        git_commit="unknown",
    )


def tiny_version(
    folder: Path, training_set: TrainingSet, card: ModelCard, *, seed: int = 1
) -> TrainedVersion:
    """A version trained on `training_set` with `seed`, in `folder`; its number is the seed."""
    rows = np.flatnonzero(~training_set.is_test)
    estimator = SCENARIO.estimator(seed).fit(
        training_set.features[rows], training_set.outcomes[rows]
    )
    return TrainedVersion(
        name="everscore-tiny",
        version=f"{seed}",
        run_id=f"run-{seed}",
        artifact_uri=str(folder),
        sha256=save_artifact(folder, estimator, card),
        created_at=card.created_at,
        params={"seed": f"{seed}", "folds": "5", "snapshot.number": f"{seed}"},
        metrics=card.metrics,
        tags={},
    )


def without_snapshot(card: ModelCard) -> ModelCard:
    """The card as versions had it before there were snapshots."""
    return replace(card, snapshot=None)


def renamed(record: SnapshotRecord, old: str, new: str) -> SnapshotRecord:
    """`record` with one feature under another name."""
    names = tuple(new if name == old else name for name in record.feature_names)
    return msgspec.structs.replace(record, feature_names=names)
