"""A web service for tests: a key per role, over fakes or over all that the settings give."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from conf.settings import load_settings
from jobs.launcher.run import scenario_named
from jobs.wiring.serving.service import serving_of
from serving.access.callers import Callers
from serving.access.keys import Key, new_key
from serving.access.page_sessions import PageSessions
from serving.access.roles import Role
from serving.access.slow_clients import patient_protocol
from serving.app import create_app
from serving.parts import Serving

SECRET = "of sessions in tests, which nobody has to guess"


class Desk:
    """A service with a key per role, and one that has them all; `log` has the access log."""

    def __init__(self, serving: Serving) -> None:
        self.log: list[str] = []
        self.stored: dict[str, Key] = {}
        self.texts: dict[str, str] = {}
        for name, roles in {**{role.value: [role] for role in Role}, "all": list(Role)}.items():
            self.add_key(name, roles)
        self.callers = Callers(lambda: self.stored, PageSessions(SECRET))
        self.app = create_app(
            replace(
                serving,
                authenticate=self.callers,
                login=self.callers,
                access_log=self.log.append,
            )
        )

    def add_key(self, name: str, roles: list[Role]) -> str:
        """The text of a new key."""
        key, self.texts[name] = new_key(name, roles)
        self.stored[key.id] = key
        return self.texts[name]

    def client(self, role: str | None = None) -> TestClient:
        """A client without a key, or with that of `role`; it follows no redirects."""
        headers = {"Authorization": f"Bearer {self.texts[role]}"} if role else {}
        return TestClient(self.app, headers=headers, follow_redirects=False)

    def browser(self, role: str) -> TestClient:
        """A client that has logged in at the login page."""
        client = self.client()
        answer = client.post("/login", data={"key": self.texts[role]})
        assert answer.status_code == 303, answer.text
        return client


def desk_of(*routers: APIRouter, **parts: Any) -> Desk:
    """A service of fakes: `parts` as in `Serving`."""
    parts.setdefault("scenarios", {})
    return Desk(Serving(routers=routers, authenticate=lambda request: None, **parts))


def whole_service(folder: Path, *overrides: str) -> Serving:
    """All parts by the settings; nothing answers at its addresses but where `overrides` say so."""
    settings = load_settings(
        "local",
        overrides=[
            f"platform.run_dir={folder}",
            "kafka.bootstrap_servers=127.0.0.1:1",
            "kafka.request_timeout_seconds=1.0",
            "hbase.thrift_host=127.0.0.1",
            "hbase.thrift_port=1",
            "serving.retry_seconds=0.0",
            *overrides,
        ],
        environ={},
    )
    scenarios = {name: scenario_named(settings, name) for name in settings.scenarios}
    return serving_of(settings, scenarios, scripts={}, log=lambda text: None)


@contextlib.contextmanager
def listening(app: FastAPI, *, head_seconds: float = 10.0) -> Iterator[str]:
    """`app` behind a real server in a thread, as `serve` runs it; gives its address."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=patient_protocol(head_seconds),
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def csrf_token(page: str) -> str:
    """The token of a page, from its text."""
    return page.partition('X-CSRF-Token": "')[2].partition('"')[0]


def problem(answer: Any) -> Mapping[str, Any]:
    """The document of a refusal, which is complete and shows nothing of our insides."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: Mapping[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= document.keys()
    assert document["status"] == answer.status_code
    assert insides_in(answer.text) == []
    return document


def insides_in(text: str) -> list[str]:
    """What no body may show: traces, and paths of the server."""
    signs = ("Traceback (most", 'File "', ".py", "site-packages", "/root/", "/home/", "/tmp/")
    return [sign for sign in signs if sign in text]
