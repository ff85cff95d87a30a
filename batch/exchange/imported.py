"""A foreign model as a stored, registered version, proven to score as its library does."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from batch.exchange.foreign import Floats, ForeignModel, columns_of
from batch.training.register import Stored
from batch.training.train import Progress
from models.card import ModelCard, installed_versions
from models.formats.artifact import load_artifact, save_artifact
from models.formats.parity import ScoreParity, check_parity, score_parity
from models.registry.probe import PROBE_FILE, save_probe
from models.registry.tracking import TrackingPlace, TrainingRun, log_and_register
from models.registry.versions import SHA256_TAG
from models.scoring_model import ScoringModel
from scenarios.contract.deployable import check_model
from scenarios.contract.scenario import Scenario

_SIGNATURE_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class Particulars:
    """What a person says of a model that the file cannot say; created_at: UTC, ISO 8601."""

    file: str
    owner: str
    purpose: str
    limits: str
    git_commit: str
    created_at: str


@dataclass(frozen=True)
class Checked:
    """A stored version in `folder`, loaded again, with its parity; nothing is registered yet."""

    folder: Path
    sha256: str
    model: ScoringModel
    parity: ScoreParity


def stored_and_checked(
    folder: Path,
    foreign: ForeignModel,
    scenario: Scenario,
    probe: Floats,
    *,
    particulars: Particulars,
) -> Checked:
    """Write the version into `folder`, load it as a worker does, and compare the scores.

    Raises `ScoresNotEqual` beyond the format's tolerance, and `DeploymentUnfit` when what was
    loaded cannot judge cases of the scenario.
    """
    sha256 = save_artifact(folder, foreign.model, _card(foreign, scenario, particulars))
    model = load_artifact(
        folder,
        name=scenario.name,
        version="new",
        sha256=sha256,
        available_features=scenario.feature_names,
    )
    tolerance = foreign.stored_as.tolerance
    parity = score_parity(foreign.scores, model.scores(probe), tolerance)
    check_parity(parity, what=f"{particulars.file} by its own library and the stored version")
    rows = columns_of(probe, scenario.feature_names, foreign.feature_names)
    # Batch scoring judges as the stream does; only where it runs differs.
    judged = replace(model, batch_only="")
    check_model(scenario, judged, scenario.policy.thresholds(), probe=rows)
    return Checked(folder, sha256, model, parity)


def register_foreign(
    checked: Checked,
    foreign: ForeignModel,
    scenario: Scenario,
    probe: Floats,
    *,
    place: TrackingPlace,
    particulars: Particulars,
    progress: Progress,
    origin: Path | None = None,
) -> Stored:
    """Log and register what was checked, with its probe set; it is not deployed.

    origin: a file with the model as it came, logged with the run when it is not what is stored.
    """
    rows = columns_of(probe, scenario.feature_names, foreign.feature_names)
    with tempfile.TemporaryDirectory(prefix="everscore-import-") as scratch:
        probe_file = Path(scratch) / PROBE_FILE
        save_probe(probe_file, rows, foreign.scores)
        run = TrainingRun(
            scenario=scenario.name,
            params=_params(foreign, scenario, particulars),
            metrics={"parity_largest_difference": checked.parity.largest_difference},
            tags={
                "everscore.scenario": scenario.name,
                SHA256_TAG: checked.sha256,
                "everscore.imported_from": particulars.file,
                "mlflow.source.git.commit": particulars.git_commit,
            },
            model=foreign.model,
            stored_as=foreign.stored_as,
            feature_names=foreign.feature_names,
            features=rows[:_SIGNATURE_ROWS],
            scores=foreign.scores[:_SIGNATURE_ROWS],
            artifact=checked.folder,
            files={"probe": [probe_file]} | ({"origin": [origin]} if origin else {}),
        )
        registered = log_and_register(place, run, progress=progress)
    return Stored(model=registered, sha256=checked.sha256)


def _card(foreign: ForeignModel, scenario: Scenario, particulars: Particulars) -> ModelCard:
    return ModelCard(
        scenario=scenario.name,
        feature_names=foreign.feature_names,
        definitions_digest=scenario.definitions_digest,
        seed=0,
        training_counts={},
        metrics={},
        thresholds=scenario.policy.thresholds(),
        base_rate=0.0,
        created_at=particulars.created_at,
        git_commit=particulars.git_commit,
        parameters={"imported_from": particulars.file},
        library_versions=installed_versions(foreign.stored_as.libraries),
        format=foreign.stored_as.name,
        owner=particulars.owner,
        purpose=particulars.purpose,
        limits=particulars.limits,
    )


def _params(
    foreign: ForeignModel, scenario: Scenario, particulars: Particulars
) -> dict[str, object]:
    libraries = installed_versions(foreign.stored_as.libraries)
    return {
        **{f"library.{name}": version for name, version in libraries.items()},
        "imported_from": particulars.file,
        "format": foreign.stored_as.name,
        "git_commit": particulars.git_commit,
        "features": len(foreign.feature_names),
        "definitions_digest": scenario.definitions_digest,
        "policy_version": scenario.policy.version,
    }
