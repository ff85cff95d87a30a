"""The pages of an agent: search, one customer, and the parts of it that are read again."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from serving.access.capacity import Capacity
from serving.access.roles import Allowed, Principal, Role
from serving.agent_page.customer_view import CustomerView
from serving.agent_page.desk import AgentDesk
from serving.agent_page.search_view import search_page
from serving.parts import DeskEntry
from serving.rows.named import of_scenario

Reader = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER))]
Agent = Annotated[Principal, Depends(Allowed(Role.AGENT))]
Entity = Annotated[str, Query(alias="id")]

DESK_ENTRY = DeskEntry(
    key="agent", path="/desk/{scenario}/agent", roles=(Role.AGENT, Role.REVIEWER)
)


def router(
    desks: Mapping[str, AgentDesk],
    *,
    what_ifs: Capacity,
    histories: Capacity,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """The pages of all `desks`, by the name of the scenario.

    what_ifs, histories: how many of the costly parts are computed at once
    """
    routes = APIRouter(tags=["agent page"], default_response_class=HTMLResponse)

    def view(request: Request, scenario: str, entity: str, caller: Principal) -> CustomerView:
        return CustomerView(request, of_scenario(desks, scenario), entity, caller, now)

    @routes.get("/desk/{scenario}/agent")
    def search(
        request: Request,
        scenario: str,
        caller: Reader,
        q: str = "",
        band: str = "",
        cursor: str = "",
    ) -> Response:
        """Search by an id or its beginning, or the customers of a band; a whole id opens it."""
        desk = of_scenario(desks, scenario)
        return search_page(request, desk, now, beginning=q.strip(), band=band, cursor=cursor)

    @routes.get("/desk/{scenario}/agent/customer")
    def customer(request: Request, scenario: str, entity: Entity, caller: Reader) -> Response:
        """One customer: card, what would lower the score, outcome, timeline."""
        return view(request, scenario, entity, caller).page()

    @routes.get(
        "/desk/{scenario}/agent/printable", dependencies=[Depends(what_ifs), Depends(histories)]
    )
    def printable(request: Request, scenario: str, entity: Entity, caller: Reader) -> Response:
        """One customer with all parts at once: to print, and for a browser without scripts."""
        return view(request, scenario, entity, caller).page(is_printable=True)

    @routes.get("/desk/{scenario}/agent/card")
    def card(request: Request, scenario: str, entity: Entity, caller: Reader) -> Response:
        """The card alone, as it is read again when the row changes."""
        return view(request, scenario, entity, caller).card()

    @routes.get("/desk/{scenario}/agent/lower", dependencies=[Depends(what_ifs)])
    def lower(request: Request, scenario: str, entity: Entity, caller: Reader) -> Response:
        """What would lower the score."""
        return view(request, scenario, entity, caller).lower()

    @routes.get("/desk/{scenario}/agent/timeline", dependencies=[Depends(histories)])
    def timeline(request: Request, scenario: str, entity: Entity, caller: Reader) -> Response:
        """Events, past scores and answers."""
        return view(request, scenario, entity, caller).timeline()

    @routes.get("/desk/{scenario}/agent/outcome")
    def outcome(request: Request, scenario: str, entity: Entity, caller: Agent) -> Response:
        """The form for an outcome of the latest row."""
        return view(request, scenario, entity, caller).outcome()

    @routes.post("/desk/{scenario}/agent/outcome")
    def post_outcome(request: Request, scenario: str, entity: Entity, caller: Agent) -> Response:
        """Post an outcome: shown, accepted or refused; `undo` takes an acceptance back."""
        return view(request, scenario, entity, caller).post_outcome()

    return routes
