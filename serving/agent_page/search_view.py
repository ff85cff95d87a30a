"""The page on which an agent looks for a customer."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from features.events.rules import MAX_ENTITY_BYTES
from scenarios.contract.policy import PolicyError
from serving.agent_page.card import card_of
from serving.agent_page.desk import AgentDesk
from serving.agent_page.page_values import AWAY, RETRY_AFTER, card_now, customer_url, page_values
from serving.pages.html import html_page
from serving.rows.cursors import CursorRefused

# A list that is looked through on a phone; a page of a rare band reads so many rows at most.
_MOST_LISTED = 25
_MOST_READ = 5_000
# Fewer characters match too many ids to be of use.
_SHORTEST_BEGINNING = 2
_TEMPLATE = "agent_search.html"


def search_page(
    request: Request,
    desk: AgentDesk,
    now: Callable[[], datetime],
    *,
    beginning: str,
    band: str,
    cursor: str,
) -> Response:
    """Customers whose id begins so, or those of a band; the way to the customer of a whole id."""
    values: dict[str, Any] = {
        **page_values(desk),
        "bands": [declared.name for declared in desk.scenario.policy.bands],
        "query": beginning,
        "band": band,
        "cards": None,
        "note": "",
        "following": "",
        "is_later": bool(cursor),
        "wants_search": not beginning and not band,
    }
    try:
        if beginning and card_now(desk, beginning, now()) is not None:
            return RedirectResponse(customer_url(desk.scenario.name, beginning), 303)
        if beginning:
            values |= _beginning_with(desk, beginning, now())
        elif band:
            values |= _of_band(desk, band, cursor, now())
    except (PolicyError, CursorRefused):
        return html_page(request, _TEMPLATE, values | {"note": "lost"}, status=404)
    except AWAY:
        answer = html_page(request, _TEMPLATE, values | {"note": "away"}, status=503)
        answer.headers.update(RETRY_AFTER)
        return answer
    return html_page(request, _TEMPLATE, values)


def _beginning_with(desk: AgentDesk, beginning: str, now: datetime) -> dict[str, Any]:
    if len(beginning) < _SHORTEST_BEGINNING:
        return {"cards": [], "note": "short"}
    if len(beginning.encode()) > MAX_ENTITY_BYTES:
        return {"cards": []}
    matches = desk.search.beginning_with(beginning, limit=_MOST_LISTED)
    rows = desk.latest.many(matches.entities, now)
    cards = [card_of(rows[entity], desk.scenario) for entity in matches.entities if entity in rows]
    return {"cards": cards, "note": "" if matches.is_whole else "more"}


def _of_band(desk: AgentDesk, band: str, cursor: str, now: datetime) -> dict[str, Any]:
    desk.scenario.policy.check_band(band)
    page = desk.latest.page(
        now, band=band, cursor=cursor or None, limit=_MOST_LISTED, most_read=_MOST_READ
    )
    following = ""
    if page.cursor is not None:
        following = "?" + urlencode({"band": band, "cursor": page.cursor})
    return {"cards": [card_of(row, desk.scenario) for row in page.rows], "following": following}
