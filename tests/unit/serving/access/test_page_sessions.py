"""Sessions of the pages: login, cookie, token, end."""

from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends

from serving.access.keys import KeysUnusable
from serving.access.page_sessions import COOKIE, PageSessions, session_secret
from serving.access.roles import Allowed, Principal, Role
from tests.support.desk import Desk, csrf_token, desk_of, problem

Agent = Annotated[Principal, Depends(Allowed(Role.AGENT))]


@pytest.fixture
def desk() -> Desk:
    router = APIRouter()

    @router.post("/desk/{scenario}/outcome")
    def outcome(scenario: str, caller: Agent) -> str:
        return caller.name

    return desk_of(router)


def test_login_gives_a_cookie_that_scripts_cannot_read(desk: Desk) -> None:
    answer = desk.client().post("/login", data={"key": desk.texts["agent"], "back": "/desk?x=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk?x=1")
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Max-Age=28800", "Path=/"):
        assert part in cookie
    assert desk.texts["agent"] not in cookie


def test_page_without_a_session_leads_to_the_login_and_back(desk: Desk) -> None:
    answer = desk.client().get("/desk?tab=2")
    assert answer.headers["location"] == "/login?back=%2Fdesk%3Ftab%3D2"
    form = desk.client().get(answer.headers["location"]).text
    assert 'name="back" value="/desk?tab=2"' in form
    by_htmx = desk.client().get("/desk", headers={"HX-Request": "true"})
    assert (by_htmx.status_code, by_htmx.headers["HX-Redirect"]) == (401, "/login")


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil", "/a\nb", ""])
def test_login_leads_nobody_to_another_site(desk: Desk, back: str) -> None:
    answer = desk.client().post("/login", data={"key": desk.texts["agent"], "back": back})
    assert answer.headers["location"] == "/desk"


def test_wrong_key_shows_the_form_again(desk: Desk) -> None:
    answer = desk.client().post("/login", data={"key": "evs_a_b"})
    assert answer.status_code == 401
    assert "This key is not valid." in answer.text
    assert "set-cookie" not in answer.headers


def test_form_of_another_site_logs_nobody_in(desk: Desk) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = desk.client().post("/login", data={"key": desk.texts["agent"]}, headers=headers)
    assert answer.status_code == 403


def test_change_needs_the_token_of_the_session(desk: Desk) -> None:
    browser = desk.browser("agent")
    token = csrf_token(browser.get("/desk").text)
    assert len(token) == 32
    path = "/desk/churn/outcome"
    assert problem(browser.post(path))["status"] == 403
    other_token = csrf_token(desk.browser("agent").get("/desk").text)
    assert browser.post(path, headers={"X-CSRF-Token": other_token}).status_code == 403
    assert browser.post(path, headers={"X-CSRF-Token": token}).json() == "agent"
    assert browser.post(path, data={"csrf_token": token}).json() == "agent"
    assert browser.post(path, data={"csrf_token": "é"}).status_code == 403


def test_key_wins_over_a_session_and_needs_no_token(desk: Desk) -> None:
    browser = desk.browser("auditor")
    headers = {"X-API-Key": desk.texts["agent"]}
    assert browser.post("/desk/churn/outcome", headers=headers).json() == "agent"


def test_session_ends_with_its_key(desk: Desk) -> None:
    browser = desk.browser("agent")
    assert browser.get("/desk").status_code == 200
    desk.stored.clear()
    assert browser.get("/desk").status_code == 303


def test_logout_ends_the_session(desk: Desk) -> None:
    browser = desk.browser("agent")
    token = csrf_token(browser.get("/desk").text)
    assert browser.post("/logout").status_code == 403
    assert browser.get("/desk").status_code == 200
    answer = browser.post("/logout", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert browser.get("/desk").status_code == 303


def test_forged_and_old_cookies_are_no_session(desk: Desk) -> None:
    key_id = next(iter(desk.stored))
    forged = PageSessions("another secret of forty characters ......")
    old = PageSessions("of sessions in tests, which nobody has to guess", hours=0.0)
    for sessions in (forged, old):
        client = desk.client()
        client.cookies.set(COOKIE, sessions._serializer.dumps([key_id, "t"]))
        expected = 303 if sessions is forged else 200  # the reader's own hours count
        assert client.get("/desk").status_code == expected
    for text in ("", "x", "." * 5_000):
        client = desk.client()
        client.cookies.set(COOKIE, text)
        assert client.get("/desk").status_code == 303


def test_cookie_is_over_after_its_hours() -> None:
    desk = desk_of()
    desk.callers.sessions._seconds = -1
    assert desk.browser("agent").get("/desk").status_code == 303


def test_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "serving" / "session-secret"
    secret = session_secret(path)
    assert session_secret(path) == secret
    assert path.stat().st_mode & 0o077 == 0
    assert session_secret(None) != session_secret(None)
    path.write_text("short")
    with pytest.raises(KeysUnusable):
        session_secret(path)
