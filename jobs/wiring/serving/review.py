"""The review queues of the web service by the settings: rules, stores, and who keeps them."""

from collections.abc import Callable, Mapping
from functools import partial

from fastapi import APIRouter

from conf.settings import Settings
from jobs.wiring.serving.resources import Resources
from jobs.wiring.streaming import store_session
from scenarios.contract.scenario import Scenario
from serving.access.roles import Role
from serving.attachments.desk import AttachmentDesk
from serving.attachments.routes import router as attachment_router
from serving.parts import DeskEntry
from serving.review_queue.case_store import cases_in_hbase
from serving.review_queue.keeper import nothing_shown
from serving.review_queue.keeper_thread import KeeperThread
from serving.review_queue.pages import PageParts, pages
from serving.review_queue.priority import WaitingCosts
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.routes import router
from serving.review_queue.rules import QueueRules
from serving.review_queue.waiting_events import WaitingEvents, waiting_records
from serving.rows.lag import LagWatch
from stores.records.erasures import ErasedEntities, ErasuresInUse, ErasureTable

REVIEW_ENTRY = DeskEntry(key="review", path="/desk/{scenario}/review", roles=(Role.REVIEWER,))

_SECONDS_PER_HOUR = 3_600.0


def review_queues(resources: Resources) -> Mapping[str, ReviewQueue]:
    """The queue of each scenario; connects to nothing."""
    return {
        name: ReviewQueue(
            scenario,
            rules_of(resources.settings, scenario),
            cases_in_hbase(resources.pool, name),
        )
        for name, scenario in resources.scenarios.items()
    }


def review_routers(
    resources: Resources,
    queues: Mapping[str, ReviewQueue],
    desks: Mapping[str, AttachmentDesk],
    lags: Mapping[str, LagWatch],
) -> tuple[APIRouter, ...]:
    """The operations and the page of `queues`, and the operations of attachments.

    desks: of scenarios whose events have attachments; lags: of the streams
    """
    waiting = {
        name: WaitingEvents(
            partial(waiting_records, queue.scenario, resources.kafka, resources.pool),
            desks[name].shown if name in desks else nothing_shown,
        )
        for name, queue in queues.items()
    }
    parts = PageParts(attachments=desks, lags=lags, waiting=waiting)
    return (
        router(queues),
        pages(queues, parts),
        attachment_router(desks, queues, resources.files),
    )


def review_keepers(
    resources: Resources,
    queues: Mapping[str, ReviewQueue],
    desks: Mapping[str, AttachmentDesk],
) -> tuple[KeeperThread, ...]:
    """What fills the queues and publishes their decisions; start them with the service."""
    return tuple(
        KeeperThread(
            scenario=name,
            rules=queue.rules,
            open_store=queue.open_store,
            hbase=resources.pool.store,
            kafka=resources.kafka,
            max_bytes=resources.settings.kafka.max_message_bytes,
            log=resources.log,
            erased=_erased(resources.settings, name),
            shown=desks[name].shown if name in desks else nothing_shown,
        )
        for name, queue in queues.items()
    )


def rules_of(settings: Settings, scenario: Scenario) -> QueueRules:
    """How the queue of `scenario` works."""
    review = settings.review
    waiting = review.waiting.get(scenario.name)
    return QueueRules(
        plan=scenario.review,
        costs=WaitingCosts() if waiting is None else WaitingCosts(**waiting.model_dump()),
        lease_seconds=review.lease_seconds,
        due_seconds=review.due_hours * _SECONDS_PER_HOUR,
        most_snooze_seconds=review.most_snooze_hours * _SECONDS_PER_HOUR,
        second_opinion_share=review.second_opinion_share,
    )


def _erased(settings: Settings, scenario: str) -> Callable[[], ErasedEntities]:
    table = ErasureTable(store_session(settings), scenario)
    return ErasuresInUse(table, settings.stream.deployment_reread_seconds).current
