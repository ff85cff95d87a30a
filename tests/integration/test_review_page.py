"""The review page in a browser: ten cases by keyboard, two people, two tabs, a dead browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from serving.access.roles import Role
from serving.parts import DeskEntry
from serving.review_queue.messages import case_of
from serving.review_queue.pages import pages
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.routes import router
from serving.review_queue.rules import QueueRules
from tests.scenarios.tiny import SCENARIO
from tests.support.browsers import PHONE, chromium, violations
from tests.support.desk import Desk, desk_of, listening
from tests.support.review_cases import RULES, MemoryCases, case_record, tiny_case

PAGE = "/desk/tiny/review"
ENTRY = DeskEntry(key="review", path="/desk/{scenario}/review", roles=(Role.REVIEWER,))
HOSTILE = '<img src=x onerror="document.title=1">\u202e'


class LockedCases(MemoryCases):
    """Cases for the threads of a service."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = threading.Lock()

    def replace(self, before: Any, after: Any) -> Any:
        with self.turn:
            return super().replace(before, after)


class Served:
    """A service over cases in memory."""

    def __init__(self, address: str, desk: Desk, store: LockedCases) -> None:
        self.address, self.desk, self.store = address, desk, store

    def page_of(self, browser: Browser, name: str, **options: Any) -> Page:
        """The review page in a browser of its own, in which `name` has logged in."""
        page = browser.new_context(**options).new_page()
        page.goto(f"{self.address}/login?back={PAGE}")
        page.locator("input[name=key]").fill(self.desk.texts[name])
        page.locator("main button[type=submit]").click()
        page.wait_for_url(f"**{PAGE}")
        return page

    def decided(self) -> dict[str, str]:
        """Case → its verdict."""
        return {case.id: case.opinions[-1].verdict for case in self.store.all() if case.opinions}


@contextmanager
def serving(rules: QueueRules = RULES, *, cases: int) -> Iterator[Served]:
    store = LockedCases()
    store.add([tiny_case(number) for number in range(cases)])
    queues = {"tiny": ReviewQueue(SCENARIO, rules, lambda: nullcontext(store))}
    scenarios = {"tiny": SCENARIO}
    desk = desk_of(router(queues), pages(queues), scenarios=scenarios, entries=(ENTRY,))
    for name in ("ann", "bob"):
        desk.add_key(name, [Role.REVIEWER])
    with listening(desk.app) as address:
        yield Served(address, desk, store)


@pytest.fixture
def served() -> Iterator[Served]:
    """A service with eleven cases."""
    with serving(cases=11) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with chromium() as started:
        yield started


def title_of(page: Page) -> str:
    return page.locator("#case-title").inner_text()


def test_ten_cases_are_cleared_by_keyboard(browser: Browser, served: Served) -> None:
    page = served.page_of(browser, "ann")
    foreign: list[str] = []
    page.on(
        "request", lambda r: None if r.url.startswith(served.address) else foreign.append(r.url)
    )
    assert violations(page) == []
    page.keyboard.press("n")
    expect(page.locator("#case")).to_be_visible()
    assert violations(page) == []
    titles = []
    for number in range(10):
        titles.append(title_of(page))
        if number == 0:
            page.keyboard.press("m")
            page.keyboard.type("3 calls, looked at")  # digits are text here
            page.keyboard.press("Escape")
        page.keyboard.press("12"[number % 2])
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert len(set(titles)) == 10
    verdicts = served.decided()
    assert len(verdicts) == 10
    assert sorted(verdicts.values()) == ["confirmed"] * 5 + ["dismissed"] * 5
    notes = [o.note for case in served.store.all() for o in case.opinions if o.note]
    assert notes == ["3 calls, looked at"]
    expect(page.locator("#note")).to_contain_text("next case")
    assert foreign == []


def test_two_people_get_different_cases_and_two_tabs_the_same(
    browser: Browser, served: Served
) -> None:
    ann, bob = (served.page_of(browser, name) for name in ("ann", "bob"))
    for page in (ann, bob):
        page.keyboard.press("n")
        expect(page.locator("#case")).to_be_visible()
    assert title_of(ann) != title_of(bob)
    bob.reload()
    expect(bob.locator("table")).to_contain_text("ann")

    tab = ann.context.new_page()
    tab.goto(f"{served.address}{PAGE}")
    assert title_of(tab) == title_of(ann)
    for page, key, status in ((ann, "1", 200), (tab, "2", 409)):
        page.keyboard.press(key)
        with page.expect_navigation() as navigation:
            page.keyboard.press("Enter")
        assert navigation.value.status == status
    expect(tab.locator("#note")).to_contain_text("Nothing was changed")
    assert list(served.decided().values()) == ["confirmed"]
    assert violations(tab) == []


def test_a_case_of_a_browser_that_died_is_another_persons_after_its_lease(
    browser: Browser, served: Served
) -> None:
    ann = served.page_of(browser, "ann")
    ann.keyboard.press("n")
    expect(ann.locator("#case")).to_be_visible()
    lost = title_of(ann)
    ann.context.close()
    served.store.clock_ms += 59_000
    bob = served.page_of(browser, "bob")
    bob.keyboard.press("n")
    expect(bob.locator("#case")).to_be_visible()
    assert title_of(bob) != lost
    served.store.clock_ms += 2_000
    with bob.expect_navigation():
        bob.keyboard.press("r")
    with bob.expect_navigation():
        bob.keyboard.press("n")
    assert title_of(bob) == lost


def test_a_claim_that_nobody_renews_hides_its_case(browser: Browser) -> None:
    rules = QueueRules(plan=RULES.plan, lease_seconds=1.5)
    with serving(rules, cases=2) as served:
        page = served.page_of(browser, "ann")
        page.keyboard.press("n")
        expect(page.locator("#case")).to_be_visible()
        served.store.clock_ms += 5_000
        [case] = [case for case in served.store.all() if case.claim]
        other = ReviewQueue(SCENARIO, rules, lambda: nullcontext(served.store))
        other.claim("bob", case.id)
        expect(page.locator("#lapsed")).to_be_visible(timeout=10_000)
        expect(page.locator("#case")).to_be_hidden()
        assert violations(page) == []


def test_hostile_texts_phone_and_german(browser: Browser, served: Served) -> None:
    case = case_of(case_record(99, score=1.0, entity=HOSTILE), "tiny", RULES)
    assert case is not None
    served.store.add([case])
    page = served.page_of(browser, "ann", locale="de-DE", viewport=PHONE, color_scheme="dark")
    page.keyboard.press("n")
    expect(page.locator("#case-title")).to_contain_text("<img src=x")
    assert "\u202e" not in page.locator("#case-title").inner_text()
    expect(page.locator("h1")).to_have_text("Prüfung")
    assert page.title() != "1"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
