"""The page of the review queue: `/desk/{scenario}/review`; plain forms, so it works without script.

Each form answers with the way back to the page (303), so a reload repeats nothing. The card of a
case is rendered only for who holds it; what two tabs or two people try at once is refused by the
queue, and the page says so.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from scenarios.contract.review.decisions import MAX_NOTE_BYTES
from serving.access.page_sessions import form_fields
from serving.access.roles import Allowed, Principal, Role
from serving.pages.html import html_page
from serving.review_queue.errors import InputRefused, NoSuchCase, ReviewRefused
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.routes import Queues, ScenarioName, queue_of
from serving.review_queue.views import summary, view

Reviewer = Annotated[Principal, Depends(Allowed(Role.REVIEWER))]

_TEMPLATE = "review.html"
_SEE_OTHER = 303
_LISTED = 20
SNOOZE_SECONDS = 3_600.0
# What the page can say after a form; the texts are review.note_….
_NOTES = ("decided", "last", "released", "snoozed", "empty", "refused", "invalid")


def pages(queues: Queues) -> APIRouter:
    """The page of each of `queues`, by scenario, and its forms."""
    routes = APIRouter(prefix="/desk/{scenario}/review", tags=["pages"])

    @routes.get("", response_class=HTMLResponse)
    def page(request: Request, scenario: ScenarioName, caller: Reviewer) -> HTMLResponse:
        """The case that the caller holds, and the queue."""
        note = request.query_params.get("note", "")
        return _page(request, queue_of(queues, scenario), caller, note)

    @routes.post("/next", response_class=RedirectResponse)
    def take_next(scenario: ScenarioName, caller: Reviewer) -> Response:
        """Claim the case that comes first."""
        queue = queue_of(queues, scenario)
        return _back(scenario, "" if queue.claim_next(caller.name) else "empty")

    @routes.post("/claim", response_class=RedirectResponse)
    def take(request: Request, scenario: ScenarioName, caller: Reviewer) -> Response:
        """Claim the case of the form."""
        queue, fields = queue_of(queues, scenario), form_fields(request)
        try:
            queue.claim(caller.name, fields.get("case", ""))
        except (NoSuchCase, ReviewRefused):
            return _page(request, queue, caller, "refused", status=409)
        return _back(scenario, "")

    @routes.post("/decide", response_class=RedirectResponse)
    def decide(request: Request, scenario: ScenarioName, caller: Reviewer) -> Response:
        """Store the verdict of the form, and claim the next case."""
        queue, fields = queue_of(queues, scenario), form_fields(request)
        try:
            queue.decide(
                caller.name,
                fields.get("case", ""),
                fields.get("token", ""),
                fields.get("verdict", ""),
                fields.get("note", "").replace("\r\n", "\n"),
                wants_second="second" in fields,
            )
        except (NoSuchCase, ReviewRefused):
            return _page(request, queue, caller, "refused", status=409)
        except InputRefused:
            return _page(request, queue, caller, "invalid", status=422)
        has_next = queue.claim_next(caller.name) is not None
        return _back(scenario, "decided" if has_next else "last")

    @routes.post("/release", response_class=RedirectResponse)
    def release(request: Request, scenario: ScenarioName, caller: Reviewer) -> Response:
        """Give the case of the form back."""
        queue, fields = queue_of(queues, scenario), form_fields(request)
        try:
            queue.release(caller.name, fields.get("case", ""), fields.get("token", ""))
        except (NoSuchCase, ReviewRefused):
            return _page(request, queue, caller, "refused", status=409)
        return _back(scenario, "released")

    @routes.post("/snooze", response_class=RedirectResponse)
    def snooze(request: Request, scenario: ScenarioName, caller: Reviewer) -> Response:
        """Put the case of the form off for an hour."""
        queue, fields = queue_of(queues, scenario), form_fields(request)
        case, token = fields.get("case", ""), fields.get("token", "")
        seconds = min(SNOOZE_SECONDS, queue.rules.most_snooze_seconds)
        try:
            queue.snooze(caller.name, case, token, seconds)
        except (NoSuchCase, ReviewRefused):
            return _page(request, queue, caller, "refused", status=409)
        return _back(scenario, "snoozed")

    return routes


def _page(
    request: Request, queue: ReviewQueue, caller: Principal, note: str, *, status: int = 200
) -> HTMLResponse:
    held = queue.held(caller.name)
    waiting, now_ms = queue.waiting()
    card = None if held is None else _card(view(held, caller, queue.rules, now_ms))
    values = {
        "scenario": queue.scenario.name,
        "title": queue.scenario.title,
        "card": card,
        "cases": [summary(case, queue.rules, now_ms) for case in waiting[:_LISTED]],
        "total": len(waiting),
        "note": note if note in _NOTES else "",
        "verdicts": [verdict.name for verdict in queue.rules.plan.verdicts],
        "lease_seconds": round(queue.rules.lease_seconds),
        "most_note": MAX_NOTE_BYTES,
    }
    page = html_page(request, _TEMPLATE, values, status=status)
    page.headers["Cache-Control"] = "no-store"
    return page


def _card(document: Mapping[str, Any]) -> dict[str, Any]:
    """The case as the template shows it."""
    reasons = [
        {"text": reason["text"], "raises": reason["direction"] == "raises"}
        for reason in document["reasons"]
    ]
    other = document["other"]
    return {
        **document,
        "score": f"{100 * document['score']:.1f} %",
        "reasons": reasons,
        "is_random": "random" in document["because"],
        "other": other and {**other, "score": f"{100 * other['score']:.1f} %"},
    }


def _back(scenario: str, note: str) -> Response:
    query = f"?note={note}" if note else ""
    return RedirectResponse(f"/desk/{scenario}/review{query}", status_code=_SEE_OTHER)
