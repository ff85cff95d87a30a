"""What a stored model says of itself: where it comes from, what it needs, how good it was."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, kw_only=True)
class SnapshotReference:
    """The training snapshot: a Delta table at an integer version, its rows and their digest."""

    path: str
    version: int
    number: int
    rows: int
    rows_digest: str


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Stored as card.json beside the model.

    feature_names       columns of the model's matrix, in order
    definitions_digest  the feature definitions that produced them (16 hex digits)
    training_counts     rows and positives of the training and the test part
    metrics             on the held-out part; thresholds: band → lowest score
    base_rate           share of positives in the training part
    created_at          UTC, ISO 8601
    snapshot            what it was trained on; git_commit: the code that trained it
    parameters          of the estimator, as text
    useless_columns     columns that never varied in training → "empty" or "always VALUE"
    format              how the model's file is written, see models/formats
    owner, purpose, limits   who answers for it, what it is for, and what it must not be used for
    library_versions    distribution → version, of those that decide a score
    """

    scenario: str
    feature_names: tuple[str, ...]
    definitions_digest: str
    seed: int
    training_counts: Mapping[str, int]
    metrics: Mapping[str, float]
    thresholds: Mapping[str, float]
    base_rate: float
    created_at: str
    snapshot: SnapshotReference | None = None
    git_commit: str = "unknown"
    parameters: Mapping[str, str] = field(default_factory=dict)
    useless_columns: Mapping[str, str] = field(default_factory=dict)
    library_versions: Mapping[str, str] = field(default_factory=dict)
    format: str = "skops"
    owner: str = ""
    purpose: str = ""
    limits: str = ""


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """Distribution → installed version, "absent" where it is not installed."""
    return {name: _installed_version(name) for name in distributions}


def _installed_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
