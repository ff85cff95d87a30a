"""Dead letters, their replay, audits, and the jobs that do both, over HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, Field

from serving.access.roles import Allowed, Principal, Role
from serving.records.dead_letters import MOST_LETTERS, DeadLetters
from serving.records.job_runs import AnotherRun, JobRun, JobRuns, RunState
from serving.records.replay import JOB as REPLAY
from serving.records.replay import MOST_POSITIONS, ReplayChoice, ReplayRefused
from serving.rows.named import of_scenario

AUDIT = "audit"
# Not a minus first: it would be read as an option of the job.
PREDICTION_ID = r"^[A-Za-z0-9][\w.:-]*$"

Operator = Annotated[Principal, Depends(Allowed(Role.OPERATOR))]
Auditor = Annotated[Principal, Depends(Allowed(Role.AUDITOR, Role.OPERATOR))]


class Position(BaseModel, extra="forbid"):
    """Where a refused event stands on the events topic."""

    partition: Annotated[int, Field(ge=0, lt=1 << 31)]
    offset: Annotated[int, Field(ge=0, lt=1 << 44)]


class Replay(BaseModel, extra="forbid"):
    """Which dead letters are published again: those of these reasons, at these positions."""

    reasons: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=40)] = []
    positions: Annotated[list[Position], Field(max_length=MOST_POSITIONS)] = []
    dry_run: bool = False


class Audit(BaseModel, extra="forbid"):
    """Which prediction is recomputed."""

    prediction_id: Annotated[str, Field(max_length=300, pattern=PREDICTION_ID)]


class Run(BaseModel):
    """A started job: its state, and the last lines of its log."""

    id: str
    job: str
    about: str
    by: str
    started_at: datetime
    state: RunState
    exit_code: int | None
    lines: list[str]


def router(letters: Mapping[str, DeadLetters], runs: JobRuns) -> APIRouter:
    """The operations; `letters` by the name of the scenario."""
    routes = APIRouter(tags=["dead letters and audits"])

    @routes.get("/v1/{scenario}/dead-letters")
    def dead_letters(
        scenario: str,
        caller: Operator,
        reason: Annotated[str | None, Query(max_length=40)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LETTERS)] = 100,
    ) -> Response:
        """The newest dead letters, newest first, and how many of them there are by reason.

        `is_all` is false when the topic holds older ones that were not looked at.
        """
        newest = of_scenario(letters, scenario).newest()
        shown = [letter for letter in newest.letters if reason in (None, letter.reason_code)]
        body = {
            "by_reason": newest.by_reason,
            "letters": shown[:limit],
            "looked_at": len(newest.letters),
            "is_all": newest.is_all,
        }
        return Response(
            msgspec.json.encode(body),
            media_type="application/json",
            headers={"Cache-Control": "private, no-store"},
        )

    @routes.post("/v1/{scenario}/dead-letters/replays", status_code=202)
    def replay(scenario: str, replay: Replay, caller: Operator, response: Response) -> Run:
        """Publish chosen dead letters again, each once whoever asks how often.

        The job `replay_dead_letters` does it; its run is answered, and where to ask for its end.
        409 while another job runs.
        """
        of_scenario(letters, scenario)
        try:
            choice = ReplayChoice(
                reasons=replay.reasons,
                positions=[(place.partition, place.offset) for place in replay.positions],
                is_dry=replay.dry_run,
            )
        except ReplayRefused as error:
            raise HTTPException(422, str(error)) from None
        return started_run(
            runs, REPLAY, scenario, choice.options, choice.about, caller, response=response
        )

    @routes.post("/v1/{scenario}/audits", status_code=202)
    def audit(scenario: str, audit: Audit, caller: Auditor, response: Response) -> Run:
        """Recompute a prediction from the archive; its report is at `/v1/SCENARIO/audits/ID`.

        The job `audit` does it. 409 while another job runs.
        """
        of_scenario(letters, scenario)
        options = ["--prediction", audit.prediction_id]
        return started_run(
            runs, AUDIT, scenario, options, audit.prediction_id, caller, response=response
        )

    @routes.get("/v1/{scenario}/runs")
    def runs_of_scenario(scenario: str, caller: Auditor) -> list[Run]:
        """The jobs that callers of this service have started, the newest first."""
        of_scenario(letters, scenario)
        return [as_run(run) for run in runs.of(scenario)]

    @routes.get("/v1/{scenario}/runs/{run_id}")
    def run_of_scenario(scenario: str, run_id: str, caller: Auditor) -> Run:
        """A started job: its state, and the last lines of its log."""
        of_scenario(letters, scenario)
        run = runs.get(scenario, run_id)
        if run is None:
            raise HTTPException(404, "no job of this id was started here since the service began")
        return as_run(run)

    return routes


def started_run(
    runs: JobRuns,
    job: str,
    scenario: str,
    options: list[str],
    about: str,
    caller: Principal,
    *,
    response: Response,
) -> Run:
    """The run of a job that is started now; answers 409 while another one runs."""
    try:
        run = runs.begin(job, scenario, options, about=about, by=caller.name)
    except AnotherRun as error:
        raise HTTPException(409, str(error), headers={"Retry-After": "10"}) from None
    response.headers["Location"] = f"/v1/{scenario}/runs/{run.id}"
    return as_run(run)


def as_run(run: JobRun) -> Run:
    """A run as it is answered."""
    return Run(
        id=run.id,
        job=run.job,
        about=run.about,
        by=run.by,
        started_at=datetime.fromtimestamp(run.started_at, UTC),
        state=run.state,
        exit_code=run.child.poll(),
        lines=run.lines,
    )
