"""Attachments of the web service by the settings: contents, and what in them moved a score."""

from collections.abc import Mapping

from jobs.wiring.serving.resources import Resources
from models.scoring_model import ScoringModel
from serving.attachments.desk import AttachmentDesk
from serving.attachments.overlays import Overlays
from serving.attachments.stored_files import StoredFiles
from serving.scoring.score_now import ScoreNow


def attachment_desks(
    resources: Resources, scorers: Mapping[str, ScoreNow]
) -> Mapping[str, AttachmentDesk]:
    """The desk of each scenario whose events have attachments; connects to nothing yet."""
    return {
        name: _desk(resources, name, scorers[name])
        for name, scenario in resources.scenarios.items()
        if scenario.schema.attachments
    }


def _desk(resources: Resources, name: str, scorer: ScoreNow) -> AttachmentDesk:
    scenario = resources.scenarios[name]
    files = StoredFiles(resources.pool, name)

    def model(version: str) -> ScoringModel:
        return scorer.versions.of(version).model

    return AttachmentDesk(scenario, files, Overlays(scenario, model, files))
