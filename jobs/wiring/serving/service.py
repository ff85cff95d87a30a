"""The whole web service by the settings: its parts are put together here, and nowhere else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from conf.settings import Settings
from jobs.wiring.serving.access import callers_of
from jobs.wiring.serving.agent import agent_pages
from jobs.wiring.serving.attachments import attachment_desks
from jobs.wiring.serving.device import device_routers, devices_of_scenarios
from jobs.wiring.serving.resources import Resources
from jobs.wiring.serving.review import (
    REVIEW_ENTRY,
    review_keepers,
    review_queues,
    review_routers,
)
from jobs.wiring.serving.rows import row_parts, row_routers
from jobs.wiring.serving.scoring import scorers_of, scoring_routers
from reports.metrics_file import Metric
from scenarios.contract.scenario import Scenario
from serving.access.bodies import BodyLimits
from serving.access.capacity import capacity_metrics
from serving.access.roles import Role
from serving.agent_page.routes import DESK_ENTRY
from serving.checks import model_check, stream_check
from serving.device.metrics import device_metrics
from serving.device.page import ENTRY as DEVICE_ENTRY
from serving.operator_page.routes import PATH as OPERATOR_PATH
from serving.parts import Check, DeskEntry, Serving, Worker
from serving.scoring.event_posting import producer_in_use

# What navigation and start page list; the texts stand in serving/texts/desk.*.toml.
_ENTRIES = (
    DESK_ENTRY,
    REVIEW_ENTRY,
    DEVICE_ENTRY,
    DeskEntry(key="operator", path=OPERATOR_PATH, roles=(Role.OPERATOR,)),
)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What the parts bring: their operations, what runs beside them, and what they count."""

    routers: tuple[APIRouter, ...]
    workers: tuple[Worker, ...]
    checks: Mapping[str, Check]
    metrics: Callable[[], Sequence[Metric]]


def _parts(resources: Resources) -> _Parts:
    """All parts, each made by its module beside this one."""
    settings = resources.settings
    producer = producer_in_use(resources.kafka, max_event_bytes=settings.stream.max_event_bytes)
    rows = row_parts(resources, producer=producer.producer, child_options=resources.child_options)
    scorers = scorers_of(resources)
    queues = review_queues(resources)
    attachments = attachment_desks(resources, scorers)
    keepers = review_keepers(resources, queues, attachments)
    devices = devices_of_scenarios(resources, refresh_hours=settings.serving.device_refresh_hours)
    agent = agent_pages(
        resources,
        latest=rows.latest,
        histories=rows.histories,
        outcomes=rows.outcomes,
        scorers=scorers,
    )
    return _Parts(
        routers=(
            *row_routers(resources, rows),
            *scoring_routers(resources, scorers, rows.latest),
            agent,
            *review_routers(resources, queues, attachments, rows.lags),
            *device_routers(devices),
        ),
        workers=keepers,
        checks={f"review of {keeper.scenario}": keeper.check for keeper in keepers},
        metrics=lambda: device_metrics(devices),
    )


def serving_of(
    settings: Settings,
    scenarios: Mapping[str, Scenario],
    *,
    scripts: Mapping[str, bytes],
    log: Callable[[str], None],
    access_log: Callable[[str], None] | None = None,
    child_options: Sequence[str] = (),
) -> Serving:
    """The service for `scenarios`; connects to nothing. Raises `KeysUnusable`.

    scripts     of others, for the pages
    log         takes what an operator should read; access_log: a line per request
    child_options  --env and --set, for jobs that the service starts
    """
    resources = Resources(
        settings=settings, scenarios=scenarios, log=log, child_options=child_options
    )
    callers, serving, parts = callers_of(settings, log=log), settings.serving, _parts(resources)
    return Serving(
        scenarios=scenarios,
        routers=parts.routers,
        workers=parts.workers,
        authenticate=callers,
        login=callers,
        checks={**_checks(resources), **parts.checks},
        limits=BodyLimits(
            max_bytes=serving.max_body_bytes,
            max_levels=serving.max_body_levels,
            seconds=serving.body_seconds,
        ),
        scripts=scripts,
        entries=_ENTRIES,
        metrics=lambda: [
            *capacity_metrics((resources.scores, resources.histories, resources.files)),
            *parts.metrics(),
        ],
        access_log=access_log if serving.access_log else None,
    )


def _checks(resources: Resources) -> Mapping[str, Check]:
    """Per scenario: it has a model (so HBase answers), and its stream keeps up (so Kafka does)."""
    limit = resources.settings.serving.ready_lag_seconds
    checks = {}
    for name, scenario in resources.scenarios.items():
        read_lag = resources.lag_reader(scenario, limit_seconds=limit)
        checks[f"model of {name}"] = model_check(resources.pool, name)
        checks[f"stream of {name}"] = stream_check(name, read_lag)
    return checks
