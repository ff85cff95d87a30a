"""The operator's page: a frame whose parts are asked for again every few seconds."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from lifecycle.history import entries
from serving.access.page_sessions import form_fields
from serving.access.roles import Allowed, Principal, Role
from serving.operator_page.desk import OperatorDesk
from serving.pages.html import html_page
from serving.records.job_routes import AUDIT, Audit
from serving.records.job_runs import AnotherRun, JobRun, JobRuns
from serving.records.replay import JOB as REPLAY
from serving.records.replay import ReplayChoice, ReplayRefused
from serving.records.report_files import ReportAbsent, ReportDamaged
from serving.rows.named import of_scenario
from stores.hbase.connection import StoreDown, TableMissing
from stores.kafka.errors import KafkaDown, TopicMissing

ROLES = (Role.OPERATOR,)
PATH = "/desk/{scenario}/operator"
_SHOWN_LETTERS = 20
_SHOWN_CHANGES = 8
_SHOWN_RUNS = 6
_DOWN = (KafkaDown, TopicMissing, StoreDown, TableMissing)
_log = logging.getLogger("everscore.serving")

Operator = Annotated[Principal, Depends(Allowed(*ROLES))]


def router(desks: Mapping[str, OperatorDesk], runs: JobRuns) -> APIRouter:
    """The pages; `desks` by the name of the scenario, `runs` of all of them."""
    routes = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

    @routes.get(PATH)
    def page(request: Request, scenario: str, caller: Operator) -> Response:
        """The page; its parts follow."""
        desk = of_scenario(desks, scenario)
        return html_page(request, "operator.html", {"scenario": desk.scenario})

    @routes.get(PATH + "/streams")
    def streams(request: Request, scenario: str, caller: Operator) -> Response:
        """Streams, lag, rates and what became of the events of the last minute."""
        return _part(request, "streams", lambda: _streams(of_scenario(desks, scenario)))

    @routes.get(PATH + "/versions")
    def versions(request: Request, scenario: str, caller: Operator) -> Response:
        """Which versions score, experiments, and the last changes."""
        return _part(request, "versions", lambda: _versions(of_scenario(desks, scenario)))

    @routes.get(PATH + "/letters")
    def letters(request: Request, scenario: str, caller: Operator) -> Response:
        """The newest dead letters by reason, each with a button that publishes them again."""
        return _part(request, "letters", lambda: _letters(of_scenario(desks, scenario)))

    @routes.get(PATH + "/quality")
    def quality(request: Request, scenario: str, caller: Operator) -> Response:
        """What monitoring measured last, and links to its pages."""
        return _part(request, "quality", lambda: _quality(of_scenario(desks, scenario)))

    @routes.get(PATH + "/runs")
    def started_runs(request: Request, scenario: str, caller: Operator) -> Response:
        """The jobs that were started here."""
        of_scenario(desks, scenario)
        return _runs(request, runs, scenario)

    @routes.post(PATH + "/replay")
    def replay(request: Request, scenario: str, caller: Operator) -> Response:
        """Publish the dead letters of a reason again, or count them: starts the job."""
        of_scenario(desks, scenario)
        fields = form_fields(request)
        try:
            choice = ReplayChoice(
                reasons=[fields.get("reason", "")], is_dry=fields.get("dry") == "1"
            )
            runs.begin(REPLAY, scenario, choice.options, about=choice.about, by=caller.name)
        except ReplayRefused as error:
            raise HTTPException(422, str(error)) from None
        except AnotherRun as error:
            return _runs(request, runs, scenario, refused=str(error))
        return _runs(request, runs, scenario)

    @routes.post(PATH + "/audit")
    def audit(request: Request, scenario: str, caller: Operator) -> Response:
        """Audit a prediction by its id: starts the job."""
        of_scenario(desks, scenario)
        try:
            prediction_id = Audit(
                prediction_id=form_fields(request).get("prediction_id", "").strip()
            ).prediction_id
            options = ["--prediction", prediction_id]
            runs.begin(AUDIT, scenario, options, about=prediction_id, by=caller.name)
        except ValueError:
            return _runs(request, runs, scenario, wrong_id=True)
        except AnotherRun as error:
            return _runs(request, runs, scenario, refused=str(error))
        return _runs(request, runs, scenario)

    return routes


def _part(request: Request, name: str, values: Callable[[], Mapping[str, Any]]) -> Response:
    """A part of the page; what is away is said in its place, and the other parts go on."""
    try:
        return html_page(request, f"operator_{name}.html", {**values(), "away": ""})
    except _DOWN as error:
        _log.warning("operator's page, %s: %s", name, error)
        away = "kafka" if isinstance(error, KafkaDown | TopicMissing) else "store"
        return html_page(request, "operator_away.html", {"away": away})


def _streams(desk: OperatorDesk) -> Mapping[str, Any]:
    now = datetime.now(UTC)
    return {
        "streams": desk.streams.current(),
        "now": now,
        "since": lambda at_ms: max(now.timestamp() - at_ms / 1000, 0.0),
    }


def _versions(desk: OperatorDesk) -> Mapping[str, Any]:
    changes = list(desk.deployments())
    return {
        "current": changes[-1] if changes else None,
        "changes": list(reversed(entries(changes)))[:_SHOWN_CHANGES],
        "failure": desk.failure(),
        "scenario": desk.scenario,
    }


def _letters(desk: OperatorDesk) -> Mapping[str, Any]:
    newest = desk.letters.newest()
    replayable = {letter.reason_code for letter in newest.letters if letter.can_replay}
    return {
        "newest": newest,
        "replayable": replayable,
        "shown": newest.letters[:_SHOWN_LETTERS],
        "scenario": desk.scenario,
        "moment": lambda at_ms: datetime.fromtimestamp(at_ms / 1000, UTC),
    }


def _quality(desk: OperatorDesk) -> Mapping[str, Any]:
    try:
        figures, problem = desk.reports.quality(datetime.now(UTC)), ""
    except (ReportAbsent, ReportDamaged) as error:
        figures, problem = None, str(error)
    period = figures.newest_mature if figures is not None else None
    return {
        "figures": figures,
        "problem": problem,
        "period": period,
        "measurements": _whole(period or {}),
        "drift_pages": desk.reports.drift_pages[:5],
        "scenario": desk.scenario,
    }


def _whole(period: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The mature measurements of all cases together, that have a value."""
    return [
        measured
        for measured in period.get("measurements", ())
        if measured.get("part") == ""
        and measured.get("maturity") == "mature"
        and measured.get("interval", {}).get("value") is not None
    ]


def _runs(
    request: Request,
    runs: JobRuns,
    scenario: str,
    *,
    refused: str = "",
    wrong_id: bool = False,
) -> Response:
    shown: list[JobRun] = runs.of(scenario)[:_SHOWN_RUNS]
    values = {
        "runs": shown,
        "refused": refused,
        "wrong_id": wrong_id,
        "running": runs.running,
        "name": scenario,
        "report_ids": {run.about for run in shown if run.job == AUDIT and run.state != "running"},
    }
    return html_page(request, "operator_runs.html", values)
