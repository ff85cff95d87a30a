"""What all pages share: texts in two languages, escaping, navigation, static files."""

import tomllib
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from serving.access.roles import Allowed, Principal, Role
from serving.pages.html import html_page, local_path
from serving.pages.texts import LANGUAGES, TextMissing, age_text, text, texts
from serving.parts import DeskEntry
from tests.support.desk import Desk, desk_of

FOLDER = Path(str(files("serving").joinpath("texts")))
PARTS = sorted({path.name.partition(".")[0] for path in FOLDER.glob("*.toml")})
HOSTILE = "<script>alert(1)</script>\"'>\u202eevil\x1b[2J"

ENTRIES = (
    DeskEntry(key="agent", path="/desk/{scenario}/agent", roles=(Role.AGENT,)),
    DeskEntry(key="operator", path="/desk/{scenario}/operator", roles=(Role.OPERATOR,)),
)


@pytest.mark.parametrize("part", PARTS)
def test_both_languages_have_the_same_texts_with_the_same_places(part: str) -> None:
    tables = [tomllib.loads((FOLDER / f"{part}.{code}.toml").read_text()) for code in LANGUAGES]
    assert all(list(table) == [part] for table in tables)
    english, german = (table[part] for table in tables)
    assert list(english) == list(german)
    for key in english:
        assert places(english[key]) == places(german[key]), key
        assert english[key].strip(), key
        assert german[key].strip(), key


def places(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_missing_text_is_an_error_that_names_it() -> None:
    with pytest.raises(TextMissing, match="nothing_like_it"):
        text("en", "desk.nothing_like_it")
    assert set(texts("en")) == set(texts("de"))


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (-1, "0 s", "0 s"),
        (119.9, "119 s", "119 s"),
        (120, "2 min", "2 min"),
        (7_199, "119 min", "119 min"),
        (7_200, "2 h", "2 h"),
        (172_800, "2 days", "2 Tage"),
    ],
)
def test_age_is_said_as_people_say_it(seconds: float, english: str, german: str) -> None:
    assert (age_text("en", seconds), age_text("de", seconds)) == (english, german)


@pytest.fixture
def desk() -> Desk:
    router = APIRouter()

    @router.get("/desk/{scenario}/agent", response_class=HTMLResponse)
    def page(
        scenario: str, request: Request, caller: Annotated[Principal, Depends(Allowed(Role.AGENT))]
    ) -> HTMLResponse:
        return html_page(request, "desk.html", {"groups": [(HOSTILE, [])]})

    scenarios: dict[str, Any] = {"churn": None, "fraud": None}
    return desk_of(router, scenarios=scenarios, entries=ENTRIES, scripts={"htmx.js": b"let htmx;"})


def test_hostile_text_is_shown_and_does_nothing(desk: Desk) -> None:
    page = desk.browser("agent").get("/desk/churn/agent").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_pages_have_no_script_or_style_of_their_own(desk: Desk) -> None:
    """The Content-Security-Policy would refuse them."""
    page = desk.browser("agent").get("/desk/churn/agent").text
    assert page.count("<script") == page.count('<script src="/static/')
    for inline in (" style=", "<style", " onclick", "javascript:", "http://", "https://"):
        assert inline not in page


def test_navigation_lists_what_the_caller_may_open(desk: Desk) -> None:
    agent = desk.browser("agent").get("/desk/fraud/agent").text
    assert 'href="/desk/fraud/agent" aria-current="page"' in agent
    assert "/operator" not in agent
    start = desk.browser("all").get("/desk").text
    for address in ("/desk/churn/agent", "/desk/fraud/agent", "/desk/churn/operator"):
        assert f'class="tile" href="{address}"' in start
    nothing = desk.browser("auditor").get("/desk").text
    assert "Your key opens no page." in nothing


def test_language_follows_the_browser_until_the_person_chooses(desk: Desk) -> None:
    browser = desk.browser("agent")
    german = {"Accept-Language": "fr-FR,de-DE;q=0.8,en;q=0.5"}
    assert '<html lang="en">' in browser.get("/desk").text
    page = browser.get("/desk", headers=german).text
    assert '<html lang="de">' in page
    assert "Arbeitsplatz" in page
    answer = browser.get("/desk/language/en?back=%2Fdesk%3Fx%3D1")
    assert answer.headers["location"] == "/desk?x=1"
    assert '<html lang="en">' in browser.get("/desk", headers=german).text


def test_static_file_is_stored_for_ever_under_the_address_of_its_content(desk: Desk) -> None:
    page = desk.client().get("/login").text
    address = page.partition('<script src="/static/htmx.js')[2].partition('"')[0]
    pinned = desk.client().get(f"/static/htmx.js{address}")
    assert pinned.content == b"let htmx;"
    assert pinned.headers["content-type"].startswith("text/javascript")
    assert "immutable" in pinned.headers["Cache-Control"]
    plain = desk.client().get("/static/htmx.js?v=0")
    assert plain.headers["Cache-Control"] == "no-cache"
    again = desk.client().get("/static/htmx.js", headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["none.js", "..%2Fapp.py", "%2e%2e/app.py", "desk.css%00", "x" * 5_000]
)
def test_only_listed_files_are_served(desk: Desk, name: str) -> None:
    assert desk.client().get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ("/desk/churn/agent?id=%C3%A9", "/desk/churn/agent?id=%C3%A9"),
        ("/é", "/desk"),
        ("x", "/desk"),
    ],
)
def test_way_back_is_a_path_of_this_service(back: str, expected: str) -> None:
    assert local_path(back) == expected
