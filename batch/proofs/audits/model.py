"""The model version that made a prediction: found in the registry, its files checked."""

from collections.abc import Callable
from dataclasses import dataclass

from batch.proofs.audits.facts import ModelFacts, SnapshotFacts
from models.card import ModelCard, installed_versions
from models.registry.versions import TrainedVersion
from models.scoring_model import ScoringModel


@dataclass(frozen=True, kw_only=True)
class AuditedModel:
    """A registered version, its card, and the model itself; or why it cannot be loaded."""

    registered: TrainedVersion
    card: ModelCard
    model: ScoringModel | None
    obstacle: str = ""


# Version → the model; raises an error with exit code 4 when the registry has none.
ModelFinder = Callable[[str], AuditedModel]


def model_facts(audited: AuditedModel) -> ModelFacts:
    """What an auditor wants to know of the model."""
    card, registered = audited.card, audited.registered
    now = installed_versions(card.library_versions)
    snapshot = card.snapshot
    return ModelFacts(
        name=registered.name,
        version=registered.version,
        run_id=registered.run_id,
        artifact_uri=registered.artifact_uri,
        sha256=registered.sha256,
        is_checked=audited.model is not None,
        created_at=card.created_at,
        git_commit=card.git_commit,
        definitions=card.definitions_digest,
        libraries={name: (then, now[name]) for name, then in sorted(card.library_versions.items())},
        snapshot=None
        if snapshot is None
        else SnapshotFacts(
            path=snapshot.path,
            version=snapshot.version,
            number=snapshot.number,
            rows=snapshot.rows,
            rows_digest=snapshot.rows_digest,
        ),
    )
