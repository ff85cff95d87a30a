"""Rows and records of the web service, and the operator's page, by the settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends

from jobs.launcher.child_jobs import ChildJob, start_child
from jobs.wiring.from_settings import delta_place
from jobs.wiring.serving.resources import Resources
from lifecycle.history import all_deployments
from scenarios.contract.records.outcomes import OutcomeDecoder
from scenarios.contract.scenario import Scenario
from serving.operator_page import routes as operator_routes
from serving.operator_page.desk import OperatorDesk
from serving.operator_page.streams import streams_of
from serving.records import deployment_routes, job_routes, outcome_routes, report_routes
from serving.records.dead_letters import DeadLetters, newest_messages
from serving.records.job_runs import JobRuns
from serving.records.outcomes import OutcomePosting
from serving.records.report_files import ReportFiles
from serving.rows import changes_routes, history_routes, latest_routes
from serving.rows.changes import Changes
from serving.rows.history import EntityHistory, history_of
from serving.rows.lag import LagWatch
from serving.rows.latest import LatestRows
from stores.hbase.connection import Session
from stores.records.control import load_failures
from stores.records.deployments import Deployment
from stores.records.erasures import ErasedEntities, ErasuresInUse, ErasureTable

# An erasure that has begun is known here so many seconds later.
_ERASURE_REREAD_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class RowParts:
    """What the operations and pages about rows share, by the name of the scenario."""

    lags: Mapping[str, LagWatch]
    latest: Mapping[str, LatestRows]
    changes: Mapping[str, Changes]
    histories: Mapping[str, EntityHistory]
    outcomes: Mapping[str, OutcomePosting]
    deployments: Mapping[str, Callable[[], Sequence[Deployment]]]
    letters: Mapping[str, DeadLetters]
    reports: Mapping[str, ReportFiles]
    runs: JobRuns


@dataclass(frozen=True)
class StartedJob:
    """A child job as `JobRuns` asks for it."""

    job: ChildJob

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.job.process.poll()

    def output(self) -> str:
        """What it has logged so far."""
        return self.job.output()


def row_parts(
    resources: Resources, *, producer: Callable[[], Any], child_options: Sequence[str]
) -> RowParts:
    """The parts; nothing is connected yet.

    producer        gives the service's kafka-python producer; may raise `KafkaDown`
    child_options   --env and --set of the service, for the jobs that it starts
    """
    settings, scenarios = resources.settings, resources.scenarios
    lags = {name: _lag_watch(resources, scenario) for name, scenario in scenarios.items()}
    latest = {name: LatestRows(resources.pool, name, lags[name].current) for name in scenarios}
    erased = {name: _erased(resources, name) for name in scenarios}
    decoder = OutcomeDecoder(
        max_event_bytes=settings.stream.max_event_bytes,
        max_future_skew_seconds=settings.stream.max_future_skew_seconds,
    )
    return RowParts(
        lags=lags,
        latest=latest,
        changes={
            name: Changes(rows, places=settings.serving.subscribers)
            for name, rows in latest.items()
        },
        histories={
            name: history_of(scenario, delta_place(settings, name).path, erased[name])
            for name, scenario in scenarios.items()
        },
        outcomes={
            name: OutcomePosting(scenario, decoder, producer)
            for name, scenario in scenarios.items()
        },
        deployments={name: partial(_deployments, resources, name) for name in scenarios},
        letters={
            name: DeadLetters(
                scenario,
                partial(newest_messages, resources.kafka, scenario.topic("dead-letter")),
                erased[name],
            )
            for name, scenario in scenarios.items()
        },
        reports={name: ReportFiles(settings.reports.folder / name, name) for name in scenarios},
        runs=JobRuns(partial(_started, resources, child_options)),
    )


def row_routers(resources: Resources, parts: RowParts) -> tuple[APIRouter, ...]:
    """The operations below `/v1` and the operator's page."""
    desks = {
        name: OperatorDesk(
            scenario=scenario,
            streams=streams_of(scenario, resources.kafka, resources.pool),
            deployments=parts.deployments[name],
            failure=partial(_failure, resources, name),
            letters=parts.letters[name],
            reports=parts.reports[name],
        )
        for name, scenario in resources.scenarios.items()
    }
    return (
        changes_routes.router(parts.changes),  # before the next: it takes any rest of a path
        latest_routes.router(parts.latest, resources.scenarios),
        history_routes.router(parts.histories, limits=[Depends(resources.histories)]),
        outcome_routes.router(parts.outcomes),
        deployment_routes.router(parts.deployments),
        job_routes.router(parts.letters, parts.runs),
        report_routes.router(parts.reports),
        operator_routes.router(desks, parts.runs),
    )


def _lag_watch(resources: Resources, scenario: Scenario) -> LagWatch:
    limit = resources.settings.stream.stale_after_seconds
    return LagWatch(resources.lag_reader(scenario, limit_seconds=limit), limit)


def _erased(resources: Resources, scenario: str) -> Callable[[], ErasedEntities]:
    session = Session(resources.pool.store, retry_seconds=resources.pool.retry_seconds)
    table = ErasureTable(session, scenario)
    return ErasuresInUse(table, reread_seconds=_ERASURE_REREAD_SECONDS).current


def _deployments(resources: Resources, scenario: str) -> Sequence[Deployment]:
    with resources.pool.session() as session:
        return all_deployments(session, scenario)


def _failure(resources: Resources, scenario: str) -> str | None:
    with resources.pool.session() as session:
        _, failure = load_failures(session, scenario)
    return failure.message if failure else None


def _started(
    resources: Resources, child_options: Sequence[str], arguments: Sequence[str]
) -> StartedJob:
    job, _, scenario = arguments[:3]  # JOB --scenario NAME …
    log = resources.settings.reports.folder / scenario / "served-jobs" / f"{job}.log"
    return StartedJob(start_child([*arguments, *child_options], log=log))
