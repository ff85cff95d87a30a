"""The web service in the background, its answers, and pictures of its pages."""

import base64
import http.cookiejar
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape as html_text
from pathlib import Path
from typing import Any, Self

import msgspec

from jobs.launcher.checkout import CHECKOUT
from jobs.launcher.child_jobs import ChildFailed
from jobs.launcher.run import Run
from local.servers.companions import start_companion
from reports.files import write_text
from serving.access.keys import add_key, new_key
from serving.access.roles import Role

_NAME = "web-service"
_KEY_NAME = "demo"
_START_SECONDS = 60.0
_REQUEST_SECONDS = 30.0
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WINDOW = "1280,1500"
_ADDRESS = re.compile(r"http://\S+(?=/desk\b)")
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
_IMAGE = re.compile(r'<img src="(/[^"]+)"')
_SCRIPT = re.compile(r"<script\b[^>]*></script>")


@dataclass(frozen=True)
class AgentView:
    """A running web service; `make down` stops it with the platform.

    address  of the service, without a path
    key      of all roles; it is stored nowhere else
    """

    address: str
    key: str

    @classmethod
    def start(cls, run: Run, options: Sequence[str], *, run_dir: Path) -> Self:
        """Start the service on a free port, with a new key; raises `ChildFailed`."""
        keys_file = run.settings.serving.keys_file
        if keys_file is None:
            raise ChildFailed("serving.keys_file is not set, so the demo cannot make a key")
        key, text = new_key(_KEY_NAME, list(Role))
        add_key(keys_file, key, now=datetime.now(UTC), is_only_one_of_its_name=True)
        # Its folder is another one than ours, so paths are absolute.
        variables = (f"EVERSCORE_PYTHON={sys.executable}", f"EVERSCORE_RUN_DIR={run_dir.resolve()}")
        job = (str(CHECKOUT / "spark-submit.sh"), "serve", *options, "--port=0")
        log = start_companion(run_dir, _NAME, ["env", *variables, *job])
        deadline = time.monotonic() + _START_SECONDS
        while (found := _ADDRESS.search(log.read_text(errors="replace"))) is None:
            if time.monotonic() > deadline:
                raise ChildFailed(f"the web service did not print its address; its log is {log}")
            time.sleep(0.1)
        return cls(found[0], text)

    def page(self, scenario: str, entity: str) -> str:
        """The address of one entity's page."""
        query = urllib.parse.urlencode({"id": entity})
        return f"{self.address}/desk/{scenario}/agent/customer?{query}"

    def picture(self, scenario: str, entity: str, folder: Path) -> Path:
        """The page as a file that needs no service, and as PNG where a Chromium is installed.

        Returns the PNG, else the HTML file; `folder` is created when missing.
        """
        opener = self._logged_in()
        query = urllib.parse.urlencode({"id": entity})
        address = f"{self.address}/desk/{scenario}/agent/printable?{query}"
        return self._stored(opener, address, folder / "agent-page.html")

    def review_picture(self, scenario: str, folder: Path) -> Path:
        """The review page with the case that the key holds, like `picture`."""
        address = f"{self.address}/desk/{scenario}/review"
        return self._stored(self._logged_in(), address, folder / "review-page.html")

    def answer(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the service answers: to GET, or to POST with `body` as JSON; None: no content."""
        request = urllib.request.Request(
            self.address + path,
            data=None if body is None else msgspec.json.encode(body),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_REQUEST_SECONDS) as answer:
            content = answer.read()
        return msgspec.json.decode(content) if content else None

    def _logged_in(self) -> urllib.request.OpenerDirector:
        opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        login = urllib.parse.urlencode({"key": self.key, "back": "/desk"}).encode()
        _content(opener, f"{self.address}/login", login)
        return opener

    def _stored(self, opener: urllib.request.OpenerDirector, address: str, page: Path) -> Path:
        """The page with all that it shows, in the file `page`; or the PNG beside it."""

        def style(link: re.Match[str]) -> str:
            return f"<style>{_text(opener, self.address + link[1])}</style>"

        def image(tag: re.Match[str]) -> str:
            content, media_type = _content(opener, self.address + html_text(tag[1]))
            encoded = base64.b64encode(content).decode()
            return f'<img src="data:{media_type};base64,{encoded}"'

        html = _text(opener, address)
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, _SCRIPT.sub("", _IMAGE.sub(image, _STYLE.sub(style, html))))
        return _screenshot(page) or page


def _text(opener: urllib.request.OpenerDirector, url: str) -> str:
    return _content(opener, url)[0].decode()


def _content(
    opener: urllib.request.OpenerDirector, url: str, form: bytes | None = None
) -> tuple[bytes, str]:
    """The bytes at `url` and their media type."""
    with opener.open(url, form, timeout=_REQUEST_SECONDS) as answer:
        return answer.read(), str(answer.headers.get_content_type())


def _screenshot(page: Path) -> Path | None:
    """The page as PNG beside it; None without a browser."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        return None
    picture = page.with_suffix(".png")
    command = [
        browser,
        "--headless",
        "--no-sandbox",  # it shows one file of ours; without this it does not start as root
        "--hide-scrollbars",
        f"--window-size={_WINDOW}",
        f"--screenshot={picture}",
        page.resolve().as_uri(),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_REQUEST_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return picture
