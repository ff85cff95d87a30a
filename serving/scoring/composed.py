"""Score-now and event posting over the real stores, from recipes."""

from features.attachments import AttachmentSource
from scenarios.contract.scenario import Scenario
from serving.scoring.event_posting import (
    EventPosting,
    Latest,
    ProducerInUse,
    StoredStreamRecords,
)
from serving.scoring.score_now import ScoreNow
from serving.scoring.stored_states import states_in_store
from serving.scoring.versions import CurrentModels, VersionLoader, Versions
from serving.sessions import SessionPool
from stores.hbase.attachments import AttachmentPlace
from stores.hbase.connection import Session
from streaming.passes.settings import PassSettings
from streaming.scoring.models_in_use import ModelsInUse


def score_now_of(
    scenario: Scenario, settings: PassSettings, pool: SessionPool, load: VersionLoader
) -> ScoreNow:
    """Score-now of `scenario` as a worker with `settings` scores; connects to nothing yet.

    load: of versions that are not deployed
    """
    session = Session(pool.store, retry_seconds=pool.retry_seconds)
    models = ModelsInUse(settings, session, scenario, is_worker=False)
    return ScoreNow(
        scenario,
        Versions(scenario, CurrentModels(models), load),
        states_in_store(pool, scenario),
        max_event_bytes=settings.max_event_bytes,
        max_future_skew_seconds=settings.max_future_skew_seconds,
        attachments=_attachments(scenario, pool),
    )


def event_posting_of(
    scenario: Scenario,
    settings: PassSettings,
    pool: SessionPool,
    latest: Latest,
    producer: ProducerInUse,
) -> EventPosting:
    """Event posting of `scenario`; connects to nothing yet."""
    return EventPosting(
        scenario,
        StoredStreamRecords(pool, scenario.name),
        latest,
        producer,
        max_event_bytes=settings.max_event_bytes,
        max_future_skew_seconds=settings.max_future_skew_seconds,
        attachments=_attachments(scenario, pool),
    )


def _attachments(scenario: Scenario, pool: SessionPool) -> AttachmentSource | None:
    if not scenario.schema.attachments:
        return None
    return AttachmentPlace(pool.store, pool.retry_seconds).source()
