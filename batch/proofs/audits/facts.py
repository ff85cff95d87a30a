"""The story of one prediction as values: what an audit found, ready for text, JSON and a page."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Shown = str | float | bool | None
Outcome = Literal["reproduced", "not reproduced", "not checkable"]


class EventFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The source event: where it lies, when it came, and its bytes as they came."""

    topic: str
    topic_id: str
    epoch: int
    partition: int
    offset: int
    kafka_time: str
    archived_at: str
    text: str
    bytes: int
    sha256: str


class HistoryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The entity's events folded before this one; times of arrival, None before the first."""

    events: int
    refused: int
    first_at: str | None
    last_at: str | None


class SlotFact(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the entity's state, before and after the event; None: not known."""

    name: str
    before: Shown
    after: Shown
    changed: bool


class FeatureFact(msgspec.Struct, frozen=True, kw_only=True):
    """One feature as logged and as recomputed; None: missing, or not recomputed."""

    name: str
    words: str
    logged: float | None
    recomputed: float | None
    equal: bool | None


class FieldFact(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the prediction as logged and as recomputed; `equal` None: not recomputed."""

    name: str
    logged: Shown
    recomputed: Shown
    equal: bool | None
    difference: float | None = None


class SnapshotFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the model was trained on."""

    path: str
    version: int
    number: int
    rows: int
    rows_digest: str


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The model version that scored; libraries: name → (then, now).

    is_checked: whether the files have the SHA-256 that was registered, and could be loaded.
    """

    name: str
    version: str
    run_id: str
    artifact_uri: str
    sha256: str
    is_checked: bool
    created_at: str
    git_commit: str
    definitions: str
    libraries: Mapping[str, tuple[str, str]]
    snapshot: SnapshotFacts | None


class PolicyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What decided: the policy's version and the lowest score of each band."""

    version: str
    todays_version: str
    thresholds: Mapping[str, float]

    @property
    def is_todays(self) -> bool:
        """Whether today's policy is the same."""
        return self.version == self.todays_version


class AuditFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything; `obstacles` say why something could not be recomputed.

    definitions, todays_definitions: digests of the feature definitions; code: the commit that ran
    the audit; messages: how often the prediction was logged (replays repeat it).
    """

    scenario: str
    title: str
    audited_at: str
    code: str
    prediction_id: str
    entity: str
    outcome: Outcome
    verdict: str
    obstacles: Sequence[str]
    event: EventFacts
    history: HistoryFacts
    state: Sequence[SlotFact]
    features: Sequence[FeatureFact]
    fields: Sequence[FieldFact]
    reasons: Sequence[str]
    reasons_recomputed: Sequence[str] | None
    definitions: str
    todays_definitions: str
    model_name: str
    model_version: str
    model: ModelFacts | None
    policy: PolicyFacts
    messages: int
    told_at: str
    events_version: int
    predictions_version: int
