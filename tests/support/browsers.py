"""A headless Chromium for tests of pages, and what axe-core finds on a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

# What must not be there: WCAG 2.0 and 2.1, levels A and AA.
_OPTIONS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
_NAME = "chromium"
_WITHOUT = f"no `{_NAME}` on the PATH: apt-get install {_NAME}"
# For files whose fixtures start servers before they ask for the browser.
needs_chromium = pytest.mark.skipif(shutil.which(_NAME) is None, reason=_WITHOUT)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped where no `chromium` is on the PATH."""
    program = shutil.which(_NAME)
    if program is None:
        pytest.skip(_WITHOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def violations(page: Any) -> list[str]:
    """What axe-core finds on the page: rule, and the elements that break it."""
    results = Axe().run(page, options=_OPTIONS)
    return [
        f"{violation['id']}: {[node['html'][:200] for node in violation['nodes']]}"
        for violation in results.response["violations"]
    ]
