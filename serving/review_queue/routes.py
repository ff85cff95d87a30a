"""The operations of the review queue: `/v1/{scenario}/review…`."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from scenarios.contract.review.decisions import MAX_NOTE_BYTES
from scenarios.contract.scenario import UnknownScenario
from serving.access.roles import Allowed, Principal, Role
from serving.review_queue.agreement import agreement_figures
from serving.review_queue.errors import NoSuchCase
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.views import state_of, summary, view
from stores.records.review_cases import ReviewCase

Queues = Mapping[str, ReviewQueue]
Result = TypeVar("Result")

_MOST_LISTED = 1_000
_MOST_TEXT = 200

ScenarioName = Annotated[str, Path(max_length=_MOST_TEXT)]
CaseId = Annotated[str, Path(max_length=_MOST_TEXT, description="The id of the prediction.")]
Token = Annotated[str, Field(max_length=_MOST_TEXT, description="That of the claim.")]
Reviewer = Annotated[Principal, Depends(Allowed(Role.REVIEWER))]
Lead = Annotated[Principal, Depends(Allowed(Role.REVIEWER, Role.OPERATOR))]
Reader = Annotated[Principal, Depends(Allowed(Role.REVIEWER, Role.OPERATOR, Role.AUDITOR))]
Figures = Annotated[
    Principal, Depends(Allowed(Role.REVIEWER, Role.SCIENTIST, Role.OPERATOR, Role.AUDITOR))
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HeldClaim(_Body):
    """Which claim is meant."""

    token: Token


class Snooze(_Body):
    """For how long a claimed case is put off."""

    token: Token
    seconds: float = Field(gt=0, allow_inf_nan=False)


class Assignee(_Body):
    """Who alone may claim a case; "" for everybody."""

    reviewer: str = Field(max_length=_MOST_TEXT)


class Decision(_Body):
    """What the reviewer found; `second_opinion`: another person decides it as well."""

    token: Token
    verdict: str = Field(max_length=_MOST_TEXT)
    note: str = Field(default="", max_length=MAX_NOTE_BYTES)
    second_opinion: bool = False


def queue_of(queues: Queues, scenario: str) -> ReviewQueue:
    """The queue of `scenario`; raises `UnknownScenario` with the names that exist."""
    if scenario not in queues:
        raise UnknownScenario(f"no scenario {scenario!r} is served; there are {sorted(queues)}")
    return queues[scenario]


def router(queues: Queues) -> APIRouter:
    """The operations over `queues`, by scenario.

    409: the case is not in a state in which this can be done; 404: there is none; 422: the verdict,
    the note or the time is not allowed.
    """
    routes = APIRouter(prefix="/v1/{scenario}/review", tags=["review"])
    _add_reading(routes, queues)
    _add_claims(routes, queues)
    _add_decisions(routes, queues)
    return routes


def _add_reading(routes: APIRouter, queues: Queues) -> None:
    @routes.get("")
    def waiting_cases(
        scenario: ScenarioName,
        _: Reader,
        limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 100,
        skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """The cases that are not decided, first ones first, and how many of each state."""
        queue = queue_of(queues, scenario)
        cases, now_ms = queue.waiting()
        states = [state_of(case, now_ms) for case in cases]
        return {
            "cases": [summary(case, queue.rules, now_ms) for case in cases[skip : skip + limit]],
            "states": {state: states.count(state) for state in sorted(set(states))},
            "verdicts": [verdict.name for verdict in queue.rules.plan.verdicts],
        }

    @routes.get("/agreement")
    def agreement(scenario: ScenarioName, _: Figures) -> dict[str, Any]:
        """How far reviewers agree with each other and with the model (Cohen's kappa)."""
        queue = queue_of(queues, scenario)
        return asdict(agreement_figures(queue.decided(), queue.rules.plan))

    @routes.get("/cases/{case_id}")
    def one_case(scenario: ScenarioName, case_id: CaseId, caller: Reader) -> dict[str, Any]:
        """One case: whole for who holds it or has decided it, otherwise its line in the queue."""
        queue = queue_of(queues, scenario)
        case, now_ms = _found(lambda: queue.case(case_id))
        return view(case, caller, queue.rules, now_ms)


def _add_claims(routes: APIRouter, queues: Queues) -> None:
    @routes.post("/next", responses={204: {"description": "no case can be claimed"}})
    def claim_next(scenario: ScenarioName, caller: Reviewer) -> Any:
        """Claim the case that comes first, or get the one that the caller holds."""
        queue = queue_of(queues, scenario)
        case = queue.claim_next(caller.name)
        return Response(status_code=204) if case is None else _answer(queue, case, caller)

    @routes.post("/cases/{case_id}/claim")
    def claim(scenario: ScenarioName, case_id: CaseId, caller: Reviewer) -> dict[str, Any]:
        """Claim this case."""
        queue = queue_of(queues, scenario)
        return _answer(queue, _found(lambda: queue.claim(caller.name, case_id)), caller)

    @routes.post("/cases/{case_id}/renew")
    def renew(
        scenario: ScenarioName, case_id: CaseId, body: HeldClaim, caller: Reviewer
    ) -> dict[str, Any]:
        """Hold a claimed case for another lease."""
        queue = queue_of(queues, scenario)
        case = _found(lambda: queue.renew(caller.name, case_id, body.token))
        return _answer(queue, case, caller)

    @routes.post("/cases/{case_id}/release")
    def release(
        scenario: ScenarioName, case_id: CaseId, body: HeldClaim, caller: Reviewer
    ) -> dict[str, Any]:
        """Give a claimed case back."""
        queue = queue_of(queues, scenario)
        case = _found(lambda: queue.release(caller.name, case_id, body.token))
        return _answer(queue, case, caller)

    @routes.post("/cases/{case_id}/snooze")
    def snooze(
        scenario: ScenarioName, case_id: CaseId, body: Snooze, caller: Reviewer
    ) -> dict[str, Any]:
        """Put a claimed case off."""
        queue = queue_of(queues, scenario)
        case = _found(lambda: queue.snooze(caller.name, case_id, body.token, body.seconds))
        return _answer(queue, case, caller)

    @routes.post("/cases/{case_id}/assignee")
    def assign(
        scenario: ScenarioName, case_id: CaseId, body: Assignee, caller: Lead
    ) -> dict[str, Any]:
        """Give a case to one person; operators also one that somebody holds."""
        queue = queue_of(queues, scenario)
        takes_away = Role.OPERATOR in caller.roles
        case = _found(
            lambda: queue.reassign(caller.name, case_id, body.reviewer, may_take_away=takes_away)
        )
        return _answer(queue, case, caller)


def _add_decisions(routes: APIRouter, queues: Queues) -> None:
    @routes.post("/cases/{case_id}/decision")
    def decide(
        scenario: ScenarioName, case_id: CaseId, body: Decision, caller: Reviewer
    ) -> dict[str, Any]:
        """Decide a claimed case. A repeat of the same call changes nothing and answers the same."""
        queue = queue_of(queues, scenario)
        case = _found(
            lambda: queue.decide(
                caller.name,
                case_id,
                body.token,
                body.verdict,
                body.note,
                wants_second=body.second_opinion,
            )
        )
        return _answer(queue, case, caller)

    @routes.post("/cases/{case_id}/second-opinion")
    def second_opinion(scenario: ScenarioName, case_id: CaseId, caller: Lead) -> dict[str, Any]:
        """Have one more person decide a case, who does not see the earlier opinions."""
        queue = queue_of(queues, scenario)
        return _answer(queue, _found(lambda: queue.want_second_opinion(case_id)), caller)


def _answer(queue: ReviewQueue, case: ReviewCase, caller: Principal) -> dict[str, Any]:
    return view(case, caller, queue.rules, queue.now_ms())


def _found(look: Callable[[], Result]) -> Result:
    try:
        return look()
    except NoSuchCase as error:
        raise HTTPException(404, str(error)) from error
