"""The page of one customer, and its parts, which are read again while the customer talks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from serving.access.page_sessions import form_fields
from serving.access.roles import Principal, Role
from serving.agent_page.answers import REASONS, Answer, AnswerRefused, answer_in, undoing
from serving.agent_page.card import Card
from serving.agent_page.counterfactual import Counterfactual, counterfactual
from serving.agent_page.desk import AgentDesk
from serving.agent_page.page_values import (
    AWAY,
    RETRY_AFTER,
    card_now,
    customer_url,
    live_url,
    page_values,
)
from serving.agent_page.timeline import DAYS, MOST_ENTRIES, timeline_of
from serving.pages.html import html_page
from serving.rows.history import HistoryUnavailable
from stores.delta.live_files import TableUnreadable

# What `serving.rows.changes_routes` calls the event of a new row.
_LIVE_EVENT = "row"
_NO_HISTORY = (*AWAY, HistoryUnavailable, TableUnreadable)


@dataclass(frozen=True)
class CustomerView:
    """Answers to one request about `entity`."""

    request: Request
    desk: AgentDesk
    entity: str
    caller: Principal
    now: Callable[[], datetime]

    def page(self, *, is_printable: bool = False) -> Response:
        """The whole page; its costly parts follow by themselves.

        A printable page holds them at once and needs no script; it does not change any more.
        """

        def shown(card: Card) -> Response:
            # A path carries no line feed; such an id is shown, and not followed.
            is_live = self.desk.is_live and self.entity.isprintable() and not is_printable
            live = live_url(self.desk.scenario.name, self.entity) if is_live else ""
            values = {"live_url": live, "live_event": _LIVE_EVENT, "is_away": False}
            values |= {"is_printable": is_printable}
            if is_printable:
                lower, lower_status = self._lower_values()
                timeline, timeline_status = self._timeline_values()
                values |= {**lower, **timeline}
                values |= {"is_lower_away": lower_status == 503}
                values |= {"is_timeline_away": timeline_status == 503}
            return html_page(
                self.request,
                "agent_customer.html",
                {**self._values(), **values, **self._outcome_values(card)},
            )

        return self._with_card(shown)

    def card(self) -> Response:
        """The card alone."""
        try:
            card = card_now(self.desk, self.entity, self.now())
        except AWAY:
            return self._part("agent_card.html", {"card": None}, status=503)
        return self._part("agent_card.html", {"card": card}, status=404 if card is None else 200)

    def lower(self) -> Response:
        """What would lower the score."""
        values, status = self._lower_values()
        return self._part("agent_lower.html", values, status=status)

    def timeline(self) -> Response:
        """Events, past scores and answers."""
        values, status = self._timeline_values()
        return self._part("agent_timeline.html", values, status=status)

    def outcome(self) -> Response:
        """The form for an outcome of the latest row."""
        return self._with_card(
            lambda card: self._part("agent_outcome.html", self._outcome_values(card))
        )

    def post_outcome(self) -> Response:
        """The form after an outcome was posted, or with what is wrong in it."""
        return self._with_card(self._posted)

    def _posted(self, card: Card) -> Response:
        fields, answers = form_fields(self.request), self.desk.answers
        prediction_id = fields.get("prediction_id", "")

        def form(status: int, error: str = "", detail: str = "") -> Response:
            earlier = answers.of(prediction_id) if answers is not None else ()
            values = self._outcome_values(card) | {"posted": earlier}
            values |= {"prediction_id": prediction_id, "fields": fields if error else {}}
            values |= {"error": error, "detail": detail}
            return self._part("agent_outcome.html", values, status=status)

        if answers is None or card.is_control:
            return form(409, "agent.no_outcome_here")
        try:
            answer = answer_in(fields, entity=self.entity, agent=self.caller.name)
            answers.add(self._undone(answer) if "undo" in fields else answer)
        except AnswerRefused as refusal:
            return form(422, refusal.text)
        except AWAY:
            return form(503, "agent.not_recorded")
        except ValueError as refusal:  # by the rules for outcomes; its message names the field
            if not hasattr(refusal, "exit_code"):
                raise
            return form(422, "agent.outcome_refused", str(refusal))
        if self._is_part:
            return form(200)
        return RedirectResponse(customer_url(self.desk.scenario.name, self.entity), 303)

    def _undone(self, answer: Answer) -> Answer:
        """The outcome that takes back the last answer, if `answer` still is the last one."""
        posted = self.desk.answers.of(answer.prediction_id) if self.desk.answers else ()
        if not posted or posted[-1].answer.status != answer.status:
            raise AnswerRefused("agent.cannot_undo")
        return undoing(posted[-1].answer)

    def _lower_values(self) -> tuple[dict[str, Any], int]:
        """What the part shows, and its status: 503 when what it needs is away."""
        values: dict[str, Any] = {"card": None, "answer": None}
        values |= {"offers_here": self._may_post and self._is_part}
        try:
            card = card_now(self.desk, self.entity, self.now())
            answer = None if card is None else self._counterfactual(card)
        except Exception as error:
            if not hasattr(error, "exit_code"):  # none that a part of the service announces
                raise
            return values, 503
        return values | {"card": card, "answer": answer}, 200

    def _timeline_values(self) -> tuple[dict[str, Any], int]:
        """As `_lower_values`, for the timeline."""
        values: dict[str, Any] = {"timeline": None}
        if self.desk.history is None:
            return values, 200
        try:
            history = self.desk.history.page(self.entity, self.now(), days=DAYS, limit=MOST_ENTRIES)
        except _NO_HISTORY:
            return values, 503
        return values | {"timeline": timeline_of(history, self.desk.scenario)}, 200

    def _counterfactual(self, card: Card) -> Counterfactual | None:
        """None for whom nothing is offered: the control group, and without what-ifs."""
        desk = self.desk
        if desk.what_if is None or desk.features is None or card.is_control:
            return None
        if not desk.scenario.actionable:
            return Counterfactual(is_declared=False)
        return counterfactual(
            desk.scenario,
            card.entity,
            score=card.score,
            band=card.band,
            features=desk.features(card.entity),
            what_if=desk.what_if,
            now=self.now(),
        )

    @property
    def _is_part(self) -> bool:
        """Whether htmx asks, for a part of a page."""
        return "HX-Request" in self.request.headers

    @property
    def _may_post(self) -> bool:
        return self.desk.answers is not None and Role.AGENT in self.caller.roles

    def _values(self) -> dict[str, Any]:
        return {**page_values(self.desk), "entity": self.entity, "query": self.entity}

    def _outcome_values(self, card: Card) -> dict[str, Any]:
        answers = self.desk.answers
        return {
            "card": card,
            "prediction_id": card.prediction_id,
            "offers": [change.words for change in self.desk.scenario.actionable],
            "reasons": REASONS,
            "may_post": self._may_post,
            "posted": () if answers is None else answers.of(card.prediction_id),
            "fields": {},
            "error": "",
            "detail": "",
        }

    def _with_card(self, shown: Callable[[Card], Response]) -> Response:
        """`shown` of the customer's card; without one a friendly page that says so."""
        try:
            card = card_now(self.desk, self.entity, self.now())
        except AWAY:
            return self._part("agent_unknown.html", {}, status=503)
        if card is None:
            return self._part("agent_unknown.html", {}, status=404)
        return shown(card)

    def _part(self, template: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
        """A part for htmx; whole in a page of its own for a browser without scripts.

        Status 503: what the part is about cannot be read now; it says so, and when to try again.
        """
        shown = template if self._is_part else "agent_part.html"
        shared = {"part": template, "is_away": status == 503}
        answer = html_page(
            self.request, shown, {**self._values(), **shared, **values}, status=status
        )
        if status == 503:
            answer.headers.update(RETRY_AFTER)
        return answer
