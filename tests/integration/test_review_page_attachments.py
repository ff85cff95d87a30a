"""The review page with attachments in a browser: picture and colours, what was not analysed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from serving.review_queue.queue import ReviewQueue
from streaming.position.staleness import StreamLag
from tests.support.browsers import PHONE, chromium, violations
from tests.support.desk import listening
from tests.support.leaf_desk import NOTICE, LeafDesk, blank_event
from tests.support.review_cases import BEGIN

PAGE = "/desk/leaves/review"


@contextmanager
def serving(desk: LeafDesk, browser: Browser, **options: Any) -> Iterator[Page]:
    """The review page, in which ann has logged in."""
    with listening(desk.desk.app) as address:
        page = browser.new_context(**options).new_page()
        page.goto(f"{address}/login?back={PAGE}")
        page.locator("input[name=key]").fill(desk.desk.texts["ann"])
        page.locator("main button[type=submit]").click()
        page.wait_for_url(f"**{PAGE}")
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with chromium() as started:
        yield started


def are_loaded(page: Page) -> bool:
    script = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
    return bool(page.evaluate(script))


def test_picture_and_colours_stand_beside_each_other_and_obey_keys(browser: Browser) -> None:
    desk = LeafDesk()
    case = desk.add_case(1)
    with serving(desk, browser) as page:
        page.keyboard.press("n")
        overlay = page.locator("[data-overlay]")
        expect(overlay).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert are_loaded(page)
        assert violations(page) == []
        picture = page.locator("#case img").first
        assert picture.get_attribute("alt") == f"leaf: sick, {_percent(case)}, cause: fungus"
        expect(page.locator("#second-stage")).to_have_text("cause: fungus (probability 87.0 %)")
        expect(page.locator(".notice")).to_have_text(NOTICE)
        page.keyboard.press("v")
        expect(overlay).to_be_hidden()
        expect(page.locator("#overlay-switch")).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("v")
        expect(overlay).to_be_visible()
        page.locator("a[data-larger]").first.click()
        larger = page.locator("dialog.larger")
        expect(larger).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("1")  # decides nothing behind the larger picture
        page.keyboard.press("Escape")
        expect(larger).to_have_count(0)
        assert not page.locator("input[name=verdict]").first.is_checked()
        page.keyboard.press("1")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert [opinion.verdict for opinion in desk.queue.case(case.id)[0].opinions] == ["sick"]


def test_a_version_that_is_retired_is_said_and_no_other_ones_colours_are_shown(
    browser: Browser,
) -> None:
    desk = LeafDesk()
    desk.add_case(1)
    desk.versions.clear()
    with serving(desk, browser, locale="de-DE", viewport=PHONE, color_scheme="dark") as page:
        page.keyboard.press("n")
        expect(page.locator("[data-no-overlay]")).to_contain_text("Version 1 ist stillgelegt")
        expect(page.locator("[data-overlay]")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        assert are_loaded(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(page) == []


def test_what_was_not_analysed_comes_first_and_is_judged_by_eye(browser: Browser) -> None:
    desk = LeafDesk()
    desk.add_case(1)
    blank = desk.add_refused(2, blank_event(), "attachment_blank")
    broken = desk.add_refused(3, b"{", "malformed_json")
    desk.lag.lag, desk.seconds_later = StreamLag({0: BEGIN}, 60.0), 240.0
    with serving(desk, browser) as page:
        expect(page.locator("#outage")).to_contain_text("Triage unavailable since")
        expect(page.locator("tbody tr").first).to_contain_text("the attachment is blank")
        assert violations(page) == []
        page.keyboard.press("n")
        expect(page.locator("#not-analysed")).to_contain_text("the attachment is blank")
        page.wait_for_load_state("networkidle")
        assert are_loaded(page)
        assert violations(page) == []
        page.keyboard.press("2")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page.locator("#not-analysed")).to_contain_text("no JSON")
        expect(page.locator("input[name=verdict]")).to_have_count(1)
        page.keyboard.press("1")
        with page.expect_navigation() as refused:
            page.keyboard.press("Enter")
        assert refused.value.status == 422  # without a note
        page.keyboard.press("1")
        page.keyboard.press("m")
        page.keyboard.type("asked for another picture")
        page.keyboard.press("Escape")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert verdicts(desk.queue, [blank.id, broken.id]) == ["well", "seen"]


def verdicts(queue: ReviewQueue, ids: list[str]) -> list[str]:
    return [queue.case(case_id)[0].opinions[0].verdict for case_id in ids]


def _percent(case: Any) -> str:
    return f"{100 * case.prediction.score:.1f} %"
