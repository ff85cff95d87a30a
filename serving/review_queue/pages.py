"""The page of the review queue: `/desk/{scenario}/review`; plain forms, so it works without script.

Each form answers with the way back to the page (303), so a reload repeats nothing. The card of a
case is rendered only for who holds it; what two tabs or two people try at once is refused by the
queue, and the page says so.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from features.events import reasons
from scenarios.contract.review.decisions import MAX_NOTE_BYTES
from serving.access.page_sessions import form_fields
from serving.access.roles import Allowed, Principal, Role
from serving.attachments.desk import AttachmentDesk, reference_in
from serving.attachments.overlays import NO_CONTENT, OverlayUnavailable
from serving.pages.html import html_page
from serving.review_queue.errors import InputRefused, NoSuchCase, ReviewRefused
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.routes import Queues, ScenarioName, queue_of
from serving.review_queue.views import summary, view
from serving.review_queue.waiting_events import WaitingEvents
from stores.hbase.connection import StoreDown, TableMissing
from stores.records.review_cases import ReviewCase
from streaming.position.staleness import StreamLag

Reviewer = Annotated[Principal, Depends(Allowed(Role.REVIEWER))]

_TEMPLATE = "review.html"
_SEE_OTHER = 303
_LISTED = 20
SNOOZE_SECONDS = 3_600.0
# Those that have words of their own; the texts are review.refused_….
_REFUSAL_CODES = (*reasons.REFUSAL_CODES, reasons.UNSCORABLE)
# What the page can say after a form; the texts are review.note_….
_NOTES = ("decided", "last", "released", "snoozed", "empty", "refused", "invalid")


class Lag(Protocol):
    """How far a stream is behind, such as `serving.rows.lag.LagWatch`."""

    def current(self) -> StreamLag:
        """The newest known lag, without waiting."""
        ...

    @property
    def failure(self) -> str | None:
        """Why it is not known."""
        ...


@dataclass(frozen=True, kw_only=True)
class PageParts:
    """What the pages show beside the queue, by the name of the scenario.

    attachments  of scenarios whose events have some
    lags         of streams
    waiting      events that wait for a stream
    """

    attachments: Mapping[str, AttachmentDesk] = field(default_factory=dict)
    lags: Mapping[str, Lag] = field(default_factory=dict)
    waiting: Mapping[str, WaitingEvents] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Outage:
    """New events are not analysed; since is None where it is not known whether they are.

    waiting  the first that wait, or None where they cannot be read
    """

    since: datetime | None
    seconds: float = 0.0
    waiting: Sequence[Mapping[str, Any]] | None = None


def pages(queues: Queues, parts: PageParts | None = None) -> APIRouter:
    """The page of each of `queues`, by scenario, and its forms."""
    shown = _Shown(parts or PageParts())
    routes = APIRouter(prefix="/desk/{scenario}/review", tags=["pages"])

    @routes.get("", response_class=HTMLResponse)
    def page(request: Request, scenario: ScenarioName, caller: Reviewer) -> HTMLResponse:
        """The case that the caller holds, and the queue."""
        note = request.query_params.get("note", "")
        return shown.page(request, queue_of(queues, scenario), caller, note)

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
            return shown.page(request, queue, caller, "refused", status=409)
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
            return shown.page(request, queue, caller, "refused", status=409)
        except InputRefused:
            return shown.page(request, queue, caller, "invalid", status=422)
        has_next = queue.claim_next(caller.name) is not None
        return _back(scenario, "decided" if has_next else "last")

    @routes.post("/release", response_class=RedirectResponse)
    def release(request: Request, scenario: ScenarioName, caller: Reviewer) -> Response:
        """Give the case of the form back."""
        queue, fields = queue_of(queues, scenario), form_fields(request)
        try:
            queue.release(caller.name, fields.get("case", ""), fields.get("token", ""))
        except (NoSuchCase, ReviewRefused):
            return shown.page(request, queue, caller, "refused", status=409)
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
            return shown.page(request, queue, caller, "refused", status=409)
        return _back(scenario, "snoozed")

    return routes


@dataclass(frozen=True)
class _Shown:
    parts: PageParts

    def page(
        self,
        request: Request,
        queue: ReviewQueue,
        caller: Principal,
        note: str,
        *,
        status: int = 200,
    ) -> HTMLResponse:
        held = queue.held(caller.name)
        waiting, now_ms = queue.waiting()
        card = None
        if held is not None:
            card = _card(view(held, caller, queue.rules, now_ms))
            card["attachments"] = self._attachments(held)
        values = {
            "scenario": queue.scenario.name,
            "title": queue.scenario.title,
            "card": card,
            "cases": [summary(case, queue.rules, now_ms) for case in waiting[:_LISTED]],
            "total": len(waiting),
            "not_analysed": sum(case.refused is not None for case in waiting),
            "note": note if note in _NOTES else "",
            "lease_seconds": round(queue.rules.lease_seconds),
            "most_note": MAX_NOTE_BYTES,
            "outage": self._outage(queue),
            "refusal_codes": _REFUSAL_CODES,
        }
        page = html_page(request, _TEMPLATE, values, status=status)
        page.headers["Cache-Control"] = "no-store"
        return page

    def _outage(self, queue: ReviewQueue) -> Outage | None:
        """Whether new events are analysed, of scenarios where a case must not wait for it."""
        lag = self.parts.lags.get(queue.scenario.name)
        if lag is None or not queue.rules.plan.reviews_refused:
            return None
        current, now = lag.current(), self.parts.now()
        since = min(current.waiting_since.values(), default=None)
        if since is not None and (now - since).total_seconds() > current.limit_seconds:
            seconds, waiting = (now - since).total_seconds(), self._waiting(queue, now)
            return Outage(since=since, seconds=seconds, waiting=waiting)
        return Outage(since=None) if since is None and lag.failure is not None else None

    def _waiting(self, queue: ReviewQueue, now: datetime) -> list[dict[str, Any]] | None:
        """The events that wait, with their pictures in the page itself: nobody refers to them."""
        name = queue.scenario.name
        desk, events = self.parts.attachments.get(name), self.parts.waiting.get(name)
        first = None if events is None else events.first()
        if first is None:
            return None
        return [
            {
                "entity": event.entity,
                "seconds": now.timestamp() - event.arrived_ms / 1000,
                "pictures": {} if desk is None else _pictures(desk, event.attachments),
            }
            for event in first
        ]

    def _attachments(self, case: ReviewCase) -> list[dict[str, str]]:
        """The attachments of a case that its reviewer is shown, with why one has no overlay."""
        desk = self.parts.attachments.get(case.scenario)
        if desk is None:
            return []
        of_case = f"/v1/{case.scenario}/review/cases/{quote(case.id, safe='')}"
        shown = []
        for name, text in sorted(case.attachments.items()):
            digest = reference_in(text)
            address = f"{of_case}/attachments/{quote(name, safe='')}"
            # The stream stores nothing for a refused event: its reference may be nobody's.
            if digest is not None and case.prediction is not None:
                address = f"/v1/{case.scenario}/attachments/{digest}"
            overlay, cause = "", ""
            if case.prediction is not None:
                try:
                    desk.overlays.of(case, name)
                    overlay = f"{of_case}/overlays/{quote(name, safe='')}"
                except OverlayUnavailable as error:
                    cause = error.cause
                except (StoreDown, TableMissing):
                    cause = NO_CONTENT
            shown.append({"name": name, "address": address, "overlay": overlay, "cause": cause})
        return shown


def _pictures(desk: AttachmentDesk, attachments: Mapping[str, str]) -> dict[str, str]:
    """Field → its content as the address of an image."""
    pictures = {}
    for name, text in attachments.items():
        stored = desk.picture(name, text)
        if stored is not None:
            content = b64encode(stored).decode()
            pictures[name] = f"data:{desk.media_type(name)};base64,{content}"
    return pictures


def _card(document: Mapping[str, Any]) -> dict[str, Any]:
    """The case as the template shows it; one without a prediction has no score."""
    if "score" not in document:
        return {**document, "is_analysed": False}
    reasons = [
        {"text": reason["text"], "raises": reason["direction"] == "raises"}
        for reason in document["reasons"]
    ]
    other, stage = document["other"], document["second_stage"]
    return {
        **document,
        "is_analysed": True,
        "score": _percent(document["score"]),
        "reasons": reasons,
        "is_random": "random" in document["because"],
        "other": other and {**other, "score": _percent(other["score"])},
        "second_stage": stage and {**stage, "probability": _percent(stage["probability"])},
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _back(scenario: str, note: str) -> Response:
    query = f"?note={note}" if note else ""
    return RedirectResponse(f"/desk/{scenario}/review{query}", status_code=_SEE_OTHER)
