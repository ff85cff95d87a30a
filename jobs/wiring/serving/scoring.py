"""Score-now, both inference protocols and event posting by the settings."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter

from conf.settings import Settings
from jobs.wiring.from_settings import tracking_place
from jobs.wiring.serving.resources import Resources
from jobs.wiring.streaming import pass_settings
from local.cache import cache_dir
from models.registry.versions import check_not_retired, load_version, read_version
from models.scoring_model import ScoringModel
from scenarios.contract.scenario import Scenario
from serving.access.capacity import Capacity
from serving.inference import mlflow_routes, open_inference_routes
from serving.rows.latest import LatestRows
from serving.scoring import routes
from serving.scoring.composed import event_posting_of, score_now_of
from serving.scoring.event_posting import producer_in_use
from serving.scoring.score_now import ScoreNow

# One that waits for the stream holds no thread, only its place.
_POSTINGS_AT_ONCE = 64


def scorers_of(resources: Resources) -> Mapping[str, ScoreNow]:
    """Scenario → its score-now; the models are loaded at the first request."""
    settings = resources.settings
    return {
        name: score_now_of(
            scenario,
            pass_settings(settings, scenario),
            resources.pool,
            version_loader(settings, scenario),
        )
        for name, scenario in resources.scenarios.items()
    }


def scoring_routers(
    resources: Resources, scorers: Mapping[str, ScoreNow], latest: Mapping[str, LatestRows]
) -> tuple[APIRouter, ...]:
    """The routers of scoring; `scorers` and `latest` by the name of the scenario."""
    settings, pool = resources.settings, resources.pool
    producer = producer_in_use(resources.kafka, max_event_bytes=settings.stream.max_event_bytes)
    postings = {
        name: event_posting_of(
            scenario, pass_settings(settings, scenario), pool, latest[name], producer
        )
        for name, scenario in resources.scenarios.items()
    }
    events = Capacity(_POSTINGS_AT_ONCE, "posted events")
    return (
        routes.router(scorers, postings, scoring=resources.scores, posting=events),
        open_inference_routes.router(scorers, latest, resources.scores),
        mlflow_routes.router(scorers, latest, resources.scores),
    )


def version_loader(settings: Settings, scenario: Scenario) -> Callable[[str], ScoringModel]:
    """Loads a registered version that is not retired; see `VersionLoader`."""

    def load(version: str) -> ScoringModel:
        registered = read_version(tracking_place(settings), scenario.name, version)
        check_not_retired(registered)
        return load_version(
            registered,
            available_features=scenario.feature_names,
            cache_dir=cache_dir() / "models",
        )

    return load
