"""A page from its template, in the language of the request, with what the shell needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from reports.pages import environment_of
from serving.access.page_sessions import PageSession
from serving.access.roles import Principal
from serving.pages.texts import LANGUAGES, age_text, language_of, text
from serving.parts import DeskEntry


@dataclass(frozen=True)
class Link:
    """One line of the navigation."""

    key: str
    address: str
    is_current: bool


def html_page(
    request: Request, template: str, values: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    """The page of serving/templates/`template`, or a fragment of one for htmx.

    Beside `values`, templates have: `t(KEY, **values)` for texts, `csrf_token`, `caller`,
    `static(NAME)` for addresses, `percent(SHARE)`, `age(SECONDS)`, `language`. All values are
    escaped, and what they hold can neither reorder nor hide its neighbours.
    """
    language = language_of(request)
    session: PageSession | None = getattr(request.state, "page_session", None)
    caller: Principal | None = getattr(request.state, "caller", None)
    shared = {
        "t": partial(text, language),
        "age": partial(age_text, language),
        "language": language,
        "languages": LANGUAGES,
        "csrf_token": session.csrf_token if session is not None else "",
        "caller": caller,
        "static": request.app.state.static_files.address,
        "here": here(request),
        "navigation": list(navigation(request, caller)),
        "scenario_name": request.path_params.get("scenario", ""),
        "notice": _notice(request),
    }
    body = environment_of("serving").get_template(template).render({**shared, **values})
    return HTMLResponse(body, status_code=status, headers={"Vary": "Cookie, Accept-Language"})


def _notice(request: Request) -> str:
    """What every page of the request's scenario says."""
    name = request.path_params.get("scenario")
    return getattr(request.app.state.scenarios.get(name), "notice", "")


def navigation(request: Request, caller: Principal | None) -> Iterator[Link]:
    """The pages of the current scenario that `caller` may open; without one, of the first."""
    scenarios = request.app.state.scenarios
    current = request.path_params.get("scenario")
    name = current if current in scenarios else next(iter(scenarios), None)
    entries: tuple[DeskEntry, ...] = request.app.state.entries
    for entry in entries:
        if caller is None or not caller.roles & set(entry.roles):
            continue
        if "{scenario}" in entry.path and name is None:
            continue
        address = entry.path.replace("{scenario}", name or "")
        yield Link(entry.key, address, request.url.path == address)


def here(request: Request) -> str:
    """The path of the page with its query, to come back to."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def local_path(text: str) -> str:
    """`text` when it is a path of this service, else the start page: nobody is sent elsewhere."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\"))
    is_plain = all(" " < character < "\x7f" and character != "\\" for character in text)
    return text if is_local and is_plain and len(text) < 2000 else "/desk"
