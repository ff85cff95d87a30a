"""The operator's page in a browser: its parts come, a replay is confirmed, by keyboard."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local.maven.web_scripts import web_scripts
from serving.access.roles import Role
from tests.support.browsers import DESKTOP, PHONE, chromium, violations
from tests.support.desk import listening
from tests.unit.serving.operator_page.test_page import PAGE, Scene, letter, stream


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with chromium() as started:
        yield started


def page_of(browser: Browser, address: str, key: str, size: Any) -> Page:
    """The operator's page, after its login."""
    page: Page = browser.new_context(viewport=size).new_page()
    page.goto(f"{address}/login?back={PAGE}")
    page.locator("input[name=key]").fill(key)
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"**{PAGE}")
    expect(page.locator("#streams")).to_contain_text("tiny.events")
    return page


def test_an_operator_publishes_dead_letters_again_and_audits(
    browser: Browser, tmp_path: Path
) -> None:
    scene = Scene(tmp_path, statuses=[stream(waiting=5)])
    scene.messages = [letter(1, "missing_field"), letter(2, "unscorable")]
    desk = scene.service(scripts=web_scripts())
    desk.add_key("ann", [Role.OPERATOR])
    with listening(desk.app) as address:
        for size in (PHONE, DESKTOP):
            page = page_of(browser, address, desk.texts["ann"], size)
            expect(page.locator("#letters")).to_contain_text("missing_field")
            assert violations(page) == []
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"]
        page.on("dialog", lambda dialog: dialog.accept())
        button = page.get_by_role("button", name=re.compile("Publish dead letters of missing"))
        button.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#runs")).to_contain_text("replay_dead_letters: missing_field")
        assert scene.jobs.children[0].arguments[-1] == "--yes"
        scene.jobs.children[0].code = 0
        page.locator("#prediction-id").fill("tiny-1-0-7-v1")
        page.keyboard.press("Enter")
        expect(page.locator("#runs")).to_contain_text("audit: tiny-1-0-7-v1")
        scene.jobs.children[1].code = 0
        expect(page.get_by_role("link", name="Report")).to_be_visible()
        assert violations(page) == []
