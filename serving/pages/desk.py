"""The start page, the language switch, the description of the operations, and refusals as pages."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from serving.access.roles import ALL_ROLES, Allowed, Principal
from serving.pages.html import here, html_page, local_path
from serving.pages.texts import COOKIE, LANGUAGES
from serving.parts import DeskEntry
from serving.problems import Problem

OPEN_ROUTES = frozenset({"/", "/desk/language/{language}"})

_SEE_OTHER = 303
_YEAR_SECONDS = 31_536_000


def desk_router(entries: Sequence[DeskEntry]) -> APIRouter:
    """`/desk` lists the pages of `entries` that the caller may open."""
    router = APIRouter(tags=["pages"])

    @router.get("/", response_class=RedirectResponse, status_code=_SEE_OTHER)
    async def root() -> str:
        """The way to the start page."""
        return "/desk"

    @router.get("/desk", response_class=HTMLResponse)
    async def start(
        request: Request, caller: Annotated[Principal, Depends(Allowed(*ALL_ROLES))]
    ) -> HTMLResponse:
        """What the caller may open, by scenario."""
        scenarios = list(request.app.state.scenarios)
        may_open = [entry for entry in entries if caller.roles & set(entry.roles)]
        groups = [
            (name, [(entry.key, entry.path.replace("{scenario}", name)) for entry in may_open])
            for name in scenarios
        ]
        return html_page(request, "desk.html", {"groups": groups if may_open else []})

    @router.get("/desk/language/{language}", response_class=RedirectResponse)
    async def switch(language: str, request: Request) -> Response:
        """Remember the language and go back to the page (`back`)."""
        if language not in LANGUAGES:
            raise HTTPException(404, f"there is no such language; there is: {', '.join(LANGUAGES)}")
        back = local_path(request.query_params.get("back", ""))
        answer = RedirectResponse(back, status_code=_SEE_OTHER)
        is_https = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, language, max_age=_YEAR_SECONDS, samesite="lax", httponly=True, secure=is_https
        )
        return answer

    @router.get("/openapi.json", response_class=JSONResponse)
    async def description(
        request: Request, caller: Annotated[Principal, Depends(Allowed(*ALL_ROLES))]
    ) -> dict[str, Any]:
        """The OpenAPI document; `x-roles` names the roles of each operation."""
        return dict(request.app.openapi())

    return router


def page_view(request: Request, problem: Problem) -> Response | None:
    """Refusals of pages for people: the login page, or the shell with a sentence.

    htmx gets the problem itself, which desk.js shows in place, and where to log in.
    """
    path = request.url.path
    if path != "/desk" and not path.startswith("/desk/"):
        return None
    login = f"/login?back={quote(here(request), safe='')}"
    if request.headers.get("HX-Request") == "true":
        if problem.status != 401:
            return None
        answer = problem.response()
        answer.headers["HX-Redirect"] = "/login"
        return answer
    if problem.status == 401 and request.method == "GET":
        return RedirectResponse(login, status_code=_SEE_OTHER)
    if "text/html" not in request.headers.get("Accept", ""):
        return None
    page = html_page(request, "problem.html", {"problem": problem}, status=problem.status)
    page.headers.update(problem.headers)
    return page
