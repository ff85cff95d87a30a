"""What the jobs that look back at predictions need: models from the registry, days, times."""

from datetime import UTC, date, datetime

from pyspark.sql import SparkSession

from batch.proofs.audits.archive import audit_archive
from batch.proofs.audits.audit import Auditor
from batch.proofs.audits.model import AuditedModel, ModelFinder
from batch.proofs.recompute.registered_models import (
    RegisteredModels,
    logged_versions,
    registered_models,
)
from batch.records.archived import archived_table
from conf.settings import Settings
from jobs.launcher.code_version import git_commit
from jobs.wiring.from_settings import delta_place, event_limits, tracking_place
from local.cache import cache_dir
from models.errors import ModelUnusable
from models.registry.versions import card_of, load_version, read_version
from scenarios.contract.scenario import Scenario


class NotADay(ValueError):
    """A day is not written as YYYY-MM-DD."""

    exit_code = 2


def day_of(text: str | None) -> date:
    """The day in `text`, by default today in UTC; raises `NotADay`."""
    try:
        return datetime.now(UTC).date() if text is None else date.fromisoformat(text)
    except ValueError:
        raise NotADay(f"{text!r} is no day, such as 2026-11-21") from None


def models_of_archive(
    spark: SparkSession, settings: Settings, scenario: Scenario
) -> RegisteredModels:
    """Every model version that occurs among the archived predictions."""
    predictions = archived_table(spark, delta_place(settings, scenario.name), "predictions")
    return registered_models(
        tracking_place(settings),
        scenario.name,
        logged_versions(predictions),
        feature_names=scenario.feature_names,
        cache_dir=cache_dir() / "models",
    )


def auditor(spark: SparkSession, settings: Settings, scenario: Scenario) -> Auditor:
    """An auditor of the archive as it is now."""
    return Auditor(
        archive=audit_archive(spark, delta_place(settings, scenario.name)),
        scenario=scenario,
        limits=event_limits(settings),
        find_model=model_finder(settings, scenario),
        code=git_commit(),
    )


def model_finder(settings: Settings, scenario: Scenario) -> ModelFinder:
    """Looks model versions up in the registry and checks their files; each once."""
    models: dict[str, AuditedModel] = {}

    def find(version: str) -> AuditedModel:
        if version not in models:
            models[version] = _audited(settings, scenario, version)
        return models[version]

    return find


def _audited(settings: Settings, scenario: Scenario, version: str) -> AuditedModel:
    trained_version = read_version(tracking_place(settings), scenario.name, version)
    files = cache_dir() / "models"
    card = card_of(trained_version, cache_dir=files)
    names = scenario.feature_names
    try:
        model = load_version(trained_version, available_features=names, cache_dir=files)
    except ModelUnusable as error:
        return AuditedModel(registered=trained_version, card=card, model=None, obstacle=str(error))
    return AuditedModel(registered=trained_version, card=card, model=model)
