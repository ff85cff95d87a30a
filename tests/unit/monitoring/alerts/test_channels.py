"""Alerts reach a real web server and a real mail server, and what is refused is said."""

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from monitoring.alerts.delivery import AlertNotSent
from monitoring.alerts.mail import Mail
from monitoring.alerts.webhook import Webhook
from stores.records.alerts import OpenAlert
from tests.support.mail_server import MailServer, running

ALERT = OpenAlert(
    scenario="churn",
    subject="quality_low:",
    severity="page",
    title="churn: auroc",
    sentence="mature auroc is 0.55 [0.53, 0.57], ünder 0.6",
    since_ms=1_790_000_000_000,
    evidence="https://reports.example.com/churn/quality.html",
    runbook="docs/runbook.md#quality-below-its-bound",
)
OVER = msgspec.structs.replace(ALERT, is_over=True)


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers with the statuses of its server, one after the other, the last one again."""

    statuses: list[int]
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.statuses[min(len(self.bodies), len(self.statuses)) - 1])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the output of tests is no log."""


@contextmanager
def web_server(*statuses: int) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and the bodies that were posted."""
    bodies: list[bytes] = []
    handler = type("Handler", (Recorder,), {"statuses": list(statuses), "bodies": bodies})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks/secret-token", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def webhook(url: str, *, attempts: int = 3) -> Webhook:
    return Webhook(url=url, timeout_seconds=5.0, attempts=attempts, pause_seconds=0.01)


def test_a_webhook_gets_one_json_document() -> None:
    with web_server(204) as (url, bodies):
        webhook(url).send(ALERT)
        webhook(url).send(OVER)
    firing, resolved = (json.loads(body) for body in bodies)
    assert (firing["status"], resolved["status"]) == ("firing", "resolved")
    assert firing["text"] == f"[firing] churn: auroc: {ALERT.sentence}"
    assert firing["since"] == "2026-09-21T14:13:20+00:00"
    assert (firing["evidence"], firing["runbook"]) == (ALERT.evidence, ALERT.runbook)


def test_a_busy_webhook_is_tried_again() -> None:
    with web_server(503, 429, 200) as (url, bodies):
        webhook(url).send(ALERT)
    assert len(bodies) == 3


@pytest.mark.parametrize(("status", "posts"), [(404, 1), (302, 1), (503, 3)])
def test_a_webhook_that_refuses_is_an_error_without_its_token(status: int, posts: int) -> None:
    with web_server(status) as (url, bodies), pytest.raises(AlertNotSent) as refusal:
        webhook(url).send(ALERT)
    assert len(bodies) == posts
    assert str(status) in str(refusal.value)
    assert "secret-token" not in str(refusal.value)


def test_a_webhook_that_is_away_is_an_error_without_its_token() -> None:
    with web_server(200) as (url, _):
        pass
    with pytest.raises(AlertNotSent, match=r"127\.0\.0\.1 does not answer") as refusal:
        webhook(url, attempts=2).send(ALERT)
    assert "secret-token" not in str(refusal.value)


def mail(server: MailServer, *, attempts: int = 3) -> Mail:
    return Mail(
        host="127.0.0.1",
        port=server.port,
        security="none",
        sender="everscore@example.com",
        recipients=("ada@example.com", "grace@example.com"),
        timeout_seconds=5.0,
        attempts=attempts,
        pause_seconds=0.01,
    )


def test_a_mail_reaches_all_recipients_with_its_links() -> None:
    with running(MailServer()) as server:
        mail(server).send(ALERT)
        mail(server).send(OVER)
    first, second = server.mails
    assert first["Subject"] == "[everscore page] churn: auroc"
    assert second["Subject"] == "[everscore over] churn: auroc"
    assert server.recipients[:2] == ["ada@example.com", "grace@example.com"]
    text = first.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert ALERT.sentence in text
    assert ALERT.evidence in text
    assert ALERT.runbook in text


def test_a_title_with_line_breaks_is_no_further_header() -> None:
    title = msgspec.structs.replace(ALERT, title="churn\r\nBcc: eve@example.com")
    with running(MailServer()) as server:
        mail(server).send(title)
    assert server.mails[0]["Bcc"] is None
    assert "eve@example.com" not in server.recipients


def test_a_busy_mail_server_is_tried_again() -> None:
    with running(MailServer(busy=2)) as server:
        mail(server).send(ALERT)
    assert (server.connections, len(server.mails)) == (3, 1)


def test_a_mail_server_that_refuses_for_good_is_asked_once() -> None:
    refuses = ("ada@example.com", "grace@example.com")
    with running(MailServer(refuses=refuses)) as server, pytest.raises(AlertNotSent, match="550"):
        mail(server).send(ALERT)
    assert server.connections == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    chain, key = folder / "chain.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(key), "-out", str(chain),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return chain, key


def test_a_login_is_sent_over_tls_only(certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(chain, key)
    trust = ssl.create_default_context(cafile=str(chain))
    with running(MailServer(login=("bot", "hush"), trust=ours)) as server:
        channel = replace(
            mail(server), security="starttls", username="bot", password="hush", trust=trust
        )
        channel.send(ALERT)
        with pytest.raises(AlertNotSent, match="535"):
            replace(channel, password="wrong").send(ALERT)
        with pytest.raises(AlertNotSent, match="certificate"):
            replace(channel, trust=None, attempts=1).send(ALERT)
    assert server.were_encrypted == [True]
    assert "hush" not in repr(channel)
