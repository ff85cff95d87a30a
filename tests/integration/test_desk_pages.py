"""Login, start page, refusals, languages in a real browser: by keyboard, accessible, own files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from local.maven.web_scripts import web_scripts
from serving.access.roles import ALL_ROLES, Allowed, Principal, Role
from serving.pages.html import html_page
from serving.parts import DeskEntry
from stores.hbase.connection import StoreDown
from tests.support.browsers import DESKTOP, PHONE, chromium, violations
from tests.support.desk import Desk, desk_of, listening

Caller = Annotated[Principal, Depends(Allowed(*ALL_ROLES))]
ENTRIES = tuple(
    DeskEntry(key=key, path=f"/desk/{{scenario}}/{key}", roles=tuple(Role))
    for key in ("agent", "review", "device", "operator")
)


@pytest.fixture(scope="module")
def desk() -> Desk:
    router = APIRouter()

    @router.get("/desk/{scenario}/agent", response_class=HTMLResponse)
    def page(scenario: str, request: Request, caller: Caller) -> HTMLResponse:
        return html_page(request, "desk.html", {"groups": []})

    @router.get("/desk/{scenario}/review", response_class=HTMLResponse)
    def away(scenario: str, caller: Caller) -> HTMLResponse:
        raise StoreDown("nothing there")

    scenarios: dict[str, Any] = {"churn": None, "fraud": None}
    return desk_of(router, scenarios=scenarios, entries=ENTRIES, scripts=web_scripts())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_person_logs_in_by_keyboard_and_finds_the_pages(
    desk: Desk, browser: Any, language: str, scheme: str, tmp_path: Path
) -> None:
    with listening(desk.app) as address:
        size = PHONE if scheme == "dark" else DESKTOP
        context = browser.new_context(viewport=size, color_scheme=scheme, locale=language)
        page = context.new_page()
        foreign, complaints = [], []
        page.on("request", lambda sent: foreign.append(sent.url))
        page.on("console", lambda line: complaints.append(line.text))
        page.goto(f"{address}/desk")
        assert page.url.startswith(f"{address}/login")
        assert page.locator("html").get_attribute("lang") == language
        assert violations(page) == []
        page.screenshot(path=str(tmp_path / "login.png"))
        page.keyboard.type("evs_0_wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").filter(has_text=".").wait_for()
        assert violations(page) == []
        page.locator("#key").focus()
        page.keyboard.type(desk.texts["all"])
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/desk")
        assert page.get_by_role("listitem").filter(has=page.locator(".tile")).count() == 8
        assert violations(page) == []
        page.screenshot(path=str(tmp_path / "desk.png"))
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.evaluate("typeof htmx") == "object"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        page.goto(f"{address}/desk/churn/review")
        assert page.get_by_text("does not answer").is_visible()
        assert violations(page) == []
        page.screenshot(path=str(tmp_path / "problem.png"))
        other = "de" if language == "en" else "en"
        page.locator(f".languages a[lang={other}]").click()
        assert page.locator("html").get_attribute("lang") == other
        page.locator("form[action='/logout'] button").click()
        page.wait_for_url(f"{address}/login")
        page.goto(f"{address}/desk/churn/agent")
        assert "/login" in page.url
        assert [url for url in foreign if not url.startswith(address)] == []
        # Chromium notes the refused login and the page of the problem; nothing else.
        assert [text for text in complaints if "status of" not in text] == []
        context.close()
