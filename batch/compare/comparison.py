"""What changed between two versions of a model: data, features, parameters, code, decisions."""

from dataclasses import dataclass

from batch.compare.score_changes import BandChanges, NumberChange
from batch.explore.distributions import DistributionChange
from batch.training_sets.snapshots import SnapshotRecord
from batch.training_sets.training_set import TrainingSet
from models.card import ModelCard
from models.registry.versions import TrainedVersion


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A training snapshot as it is now: rows erased since the training are not in it."""

    record: SnapshotRecord
    version: int
    training_set: TrainingSet


@dataclass(frozen=True, kw_only=True)
class Side:
    """One version; `rows` is None for a version that names no snapshot."""

    registered: TrainedVersion
    card: ModelCard
    rows: Rows | None


@dataclass(frozen=True, kw_only=True)
class VersionFacts:
    """What one version is and what it was trained on.

    rows, positives  of the snapshot as trained, of which `train_rows` were not held out
    rows_erased      of those rows, erased since then
    """

    version: str
    run_id: str
    created_at: str
    git_commit: str
    seed: int
    definitions_digest: str
    rows: int
    train_rows: int
    positives: int
    snapshot_number: int | None = None
    snapshot_version: int | None = None
    snapshot_as_of: str | None = None
    rows_digest: str | None = None
    rows_erased: int | None = None


@dataclass(frozen=True, kw_only=True)
class TextChange:
    """A named text that differs; None where a side has none."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True)
class DataChange:
    """Rows of both snapshots as they are now, and counts of their entities."""

    is_same: bool
    entities_in_both: int
    entities_added: int
    entities_removed: int
    features: tuple[DistributionChange, ...]


@dataclass(frozen=True, kw_only=True)
class SameCases:
    """Both models on the held-out rows of one snapshot.

    left_out  held-out rows of customers that the other model was trained on
    """

    snapshot_number: int
    rows: int
    left_out: int
    metrics: tuple[NumberChange, ...]
    decisions: BandChanges


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All of it; `notes` say what could not be compared and why."""

    scenario: str
    old: VersionFacts
    new: VersionFacts
    data: DataChange | None
    features_added: tuple[str, ...]
    features_removed: tuple[str, ...]
    parameters: tuple[TextChange, ...]
    libraries: tuple[TextChange, ...]
    commits_between: int | None
    metrics: tuple[NumberChange, ...]
    same_cases: SameCases | None
    notes: tuple[str, ...]
