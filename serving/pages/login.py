"""Login with a key, for people: the answer is the cookie of a page session."""

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from serving.access.callers import Callers
from serving.access.page_sessions import check_csrf, form_fields
from serving.pages.html import html_page, local_path

OPEN_ROUTES = frozenset({"/login", "/logout"})

_SEE_OTHER = 303


def login_router(callers: Callers | None) -> APIRouter:
    """The login page and the end of a session; without `callers` nobody can log in."""
    router = APIRouter(tags=["pages"])

    @router.get("/login", response_class=HTMLResponse)
    async def form(request: Request) -> HTMLResponse:
        """The form that asks for the key."""
        back = local_path(request.query_params.get("back", ""))
        return html_page(request, "login.html", {"back": back, "is_wrong": False})

    @router.post("/login", response_class=HTMLResponse)
    async def login(request: Request) -> Response:
        """Check the key of the form (`key`) and go where the person wanted to (`back`)."""
        _refuse_foreign_form(request)
        fields = form_fields(request)
        back = local_path(fields.get("back", ""))
        caller = await callers.login(request, fields.get("key", "")) if callers else None
        if callers is None or caller is None:
            values = {"back": back, "is_wrong": True}
            return html_page(request, "login.html", values, status=401)
        answer = RedirectResponse(back, status_code=_SEE_OTHER)
        callers.sessions.start(request, answer, caller.key_id)
        return answer

    @router.post("/logout", response_class=HTMLResponse)
    async def logout(request: Request) -> Response:
        """End the session; its form carries the token as every other does."""
        answer = RedirectResponse("/login", status_code=_SEE_OTHER)
        if callers is not None and (session := callers.session_of(request)) is not None:
            check_csrf(request, session)
            callers.sessions.end(answer)
        return answer

    return router


def _refuse_foreign_form(request: Request) -> None:
    """Nobody may log a person in from another site's form; browsers say where a form stood."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "the form stood on another site")
