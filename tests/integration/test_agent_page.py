"""The agent page in a browser: a call from search to outcome by keyboard, live, for everybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page, expect

from local.maven.web_scripts import web_scripts
from scenarios.churn.scenario import SCENARIO
from serving.access.capacity import Capacity
from serving.agent_page.routes import DESK_ENTRY, router
from serving.rows.changes import Changes
from serving.rows.changes_routes import router as changes_router
from tests.support.agent_desk import (
    CALLER,
    CALM,
    CONTROL,
    STALE,
    ChurnDesk,
    call,
    call_centre,
    with_hostile_customer,
)
from tests.support.browsers import chromium, needs_chromium
from tests.support.desk import desk_of, listening

BASE = "/desk/churn/agent"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# Names of axe-core's rules for WCAG 2.1, levels A and AA.
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}

pytestmark = needs_chromium


@dataclass
class Served:
    """A service over churn's customers in memory, and what its pages complained about."""

    address: str
    churn: ChurnDesk
    key: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def page(self, path: str = "", *, language: str = "en", **options: Any) -> Page:
        """A page of a browser of its own, in which an agent has logged in by keyboard."""
        context = self.browser.new_context(locale=language, **options)
        page = context.new_page()
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)
        page.goto(f"{self.address}/login?back={BASE}")
        page.locator("input[name=key]").fill(self.key)
        page.keyboard.press("Enter")
        page.wait_for_url(self.address + BASE)
        if path:
            page.goto(self.address + BASE + path)
        return page

    def _note(self, message: Any) -> None:
        # A status that the page shows in words is in the console as well.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


@contextmanager
def serving(browser: Browser, churn: ChurnDesk) -> Iterator[Served]:
    desk = desk_of(
        changes_router({"churn": Changes(churn.latest)}),
        router(
            {"churn": churn.desk(is_live=True)},
            what_ifs=Capacity(8, "what-ifs"),
            histories=Capacity(8, "histories"),
        ),
        scenarios={"churn": SCENARIO},
        entries=(DESK_ENTRY,),
        scripts=web_scripts(),
    )
    with listening(desk.app) as address:
        yield Served(address, churn, desk.texts["agent"], browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def served(browser: Browser) -> Iterator[Served]:
    with serving(browser, call_centre()) as opened:
        yield opened
        for context in browser.contexts:
            context.close()
        assert opened.complaints == []
        assert opened.hosts == {opened.address.split("/")[2]}


def focused(page: Page) -> str:
    """The id of what has the focus."""
    return str(page.evaluate("document.activeElement.id"))


def tab_to(page: Page, selector: str, *, most: int = 12) -> None:
    """Press Tab until `selector` has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.locator(selector).first.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{most} presses of Tab do not reach {selector}, but {focused(page)}")


def test_a_call_from_search_to_outcome_by_keyboard(served: Served) -> None:
    page = served.page()
    expect(page.locator("#agent-q")).to_be_focused()
    page.keyboard.type(CALLER)
    page.keyboard.press("Enter")
    page.wait_for_url("**/customer?id=*")
    expect(page.locator("#agent-lower-title")).to_be_visible()
    expect(page.locator(".agent-alternatives li").first).to_be_visible()

    page.keyboard.press("w")
    assert focused(page) == "agent-lower-title"
    tab_to(page, ".agent-offer")
    page.keyboard.press("Enter")
    assert focused(page) == "agent-offer-field"
    offer = page.locator("#agent-offer-field").input_value()
    assert offer
    tab_to(page, "#agent-cost")
    page.keyboard.type("12.50")
    tab_to(page, "#agent-shown")
    page.keyboard.press("Enter")
    expect(page.locator(".agent-posted")).to_contain_text("Offer shown")
    assert focused(page) == "agent-outcome-title"

    page.keyboard.press("o")
    tab_to(page, "#agent-accepted")
    page.keyboard.press("Enter")
    expect(page.locator(".agent-posted li")).to_have_count(2)
    assert [document["status"] for document in served.churn.outbox.documents] == [
        "shown",
        "accepted",
    ]
    assert {document["offer"] for document in served.churn.outbox.documents} == {offer}

    tab_to(page, "#agent-undo")
    page.keyboard.press("Enter")
    expect(page.locator(".agent-posted li")).to_have_count(3)

    page.keyboard.press("/")
    assert focused(page) == "agent-q"
    page.keyboard.type("75")
    page.keyboard.press("Enter")
    expect(page.locator(".agent-list li")).to_have_count(25)


def test_a_refusal_needs_a_reason_and_says_so_in_place(served: Served) -> None:
    page = served.page(f"/customer?id={CALLER}")
    page.locator("#agent-offer-field").fill("a tablet")
    page.locator("#agent-refused").press("Enter")
    expect(page.locator("#agent-error")).to_contain_text("Why was it refused?")
    assert focused(page) == "agent-reason"
    assert page.locator("#agent-offer-field").input_value() == "a tablet"
    page.locator("#agent-reason").select_option("too expensive")
    page.locator("#agent-refused").press("Enter")
    expect(page.locator(".agent-posted")).to_contain_text("too expensive")


def test_the_card_follows_the_customer_and_leaves_the_form_alone(served: Served) -> None:
    page = served.page(f"/customer?id={CALLER}")
    expect(page.locator(".agent-alternatives li").first).to_be_visible()
    page.wait_for_timeout(1_000)
    expect(page.locator("#agent-news")).to_be_empty()

    def complain() -> None:
        served.churn.receive([call(CALLER, datetime.now(UTC), "cancellation", 3.0)])

    before = page.locator("#agent-outcome").get_attribute("data-prediction")
    complain()
    expect(page.locator("#agent-news")).to_contain_text("The score has changed", timeout=10_000)
    expect(page.locator("#agent-outcome")).not_to_have_attribute("data-prediction", before or "")

    page.locator("#agent-offer-field").press_sequentially("a ta")
    typed_for = page.locator("#agent-outcome").get_attribute("data-prediction")
    change = page.locator("#agent-card").get_attribute("data-change")
    complain()
    expect(page.locator("#agent-card")).not_to_have_attribute(
        "data-change", change or "", timeout=10_000
    )
    expect(page.locator("#agent-newer")).to_be_visible()
    assert focused(page) == "agent-offer-field"
    assert page.locator("#agent-offer-field").input_value() == "a ta"
    assert page.locator("#agent-outcome").get_attribute("data-prediction") == typed_for


def test_keys_can_be_switched_off_and_never_act_while_typing(served: Served) -> None:
    page = served.page(f"/customer?id={CALLER}")
    page.locator("#agent-offer-field").press_sequentially("two")
    assert page.locator("#agent-offer-field").input_value() == "two"
    page.locator("h1").focus()
    page.keyboard.press("?")
    page.locator("#agent-keys-on").uncheck()
    page.reload()
    page.locator("h1").focus()
    page.keyboard.press("o")
    assert focused(page) == "agent-who"


PAGES = (
    "",
    "?q=75",
    "?q=zz",
    "?band=medium",
    f"/customer?id={CALLER}",
    f"/customer?id={CONTROL}",
    f"/customer?id={STALE}",
    f"/customer?id={CALM}",
    "/customer?id=nobody",
)


@pytest.mark.parametrize(
    ("language", "scheme", "viewport"),
    [("en", "light", DESKTOP), ("de", "dark", PHONE), ("de", "light", DESKTOP)],
)
def test_everybody_can_use_each_page(
    served: Served, tmp_path: Path, language: str, scheme: Any, viewport: Any
) -> None:
    page = served.page(language=language, color_scheme=scheme, viewport=viewport)
    violations = {}
    for number, path in enumerate(PAGES):
        page.goto(served.address + BASE + path)
        if path.startswith("/customer") and "nobody" not in path:
            expect(page.locator("#agent-timeline-place h2")).to_be_visible()
            expect(page.locator(".agent-lines li").first).to_be_visible()
            page.locator("#agent-keys summary").click()
        result = Axe().run(page, options=WCAG)
        if result.violations_count:
            violations[path] = result.generate_report()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], f"{path} is {width} wide"
        page.screenshot(path=tmp_path / f"{number}-{language}-{scheme}.png", full_page=True)
    assert violations == {}


def test_hostile_texts_do_nothing_in_a_browser(served: Served) -> None:
    entity = with_hostile_customer(served.churn)
    page = served.page(viewport=PHONE)
    alerts: list[str] = []

    def note(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.locator("#agent-q").fill("<script>")
    page.keyboard.press("Enter")
    page.locator(".agent-list a").first.click()
    expect(page.locator(".agent-lines li").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#agent-shown").click()
    expect(page.locator(".agent-posted")).to_contain_text("Offer shown")
    assert served.churn.outbox.documents[-1]["entity"] == entity
    assert page.locator("main script, main img").count() == 0
    assert alerts == []
