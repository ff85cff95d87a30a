"""The service behind a real server: slow, long and broken requests, and made-up ones."""

import json
import socket
import stat
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter, Body, Depends

from serving.access.bodies import BodyLimits
from serving.access.roles import ALL_ROLES, Allowed, Principal
from tests.support.desk import Desk, desk_of, listening, whole_service
from tests.support.fuzzing import faults_of, fuzzed

Caller = Annotated[Principal, Depends(Allowed(*ALL_ROLES))]


@pytest.fixture(scope="module")
def desk() -> Desk:
    router = APIRouter()

    @router.post("/v1/{scenario}/echo/{entity}")
    def echo(
        scenario: str, entity: str, caller: Caller, document: Annotated[dict[str, Any], Body()]
    ) -> dict[str, Any]:
        """What was sent."""
        return {"scenario": scenario, "entity": entity, "document": document}

    return desk_of(router, limits=BodyLimits(max_bytes=100_000, max_levels=50, seconds=0.5))


@pytest.fixture(scope="module")
def address(desk: Desk) -> Any:
    with listening(desk.app, head_seconds=0.5) as address:
        yield address


def connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10.0)


def test_head_that_never_ends_is_cut_off(address: str) -> None:
    with connected(address) as client:
        began = time.monotonic()
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n")
        assert client.recv(100) == b""
        assert 0.3 < time.monotonic() - began < 8.0


def test_head_of_a_megabyte_is_cut_off(address: str) -> None:
    with connected(address) as client:
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            client.sendall((b"X-Filler: " + b"x" * 1_000 + b"\r\n") * 10_000)


@pytest.mark.parametrize(
    "request_head",
    [b"NONSENSE\r\n\r\n", b"GET /v1/a?" + b"x" * 65_600 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    ids=["no HTTP", "a target beyond 65,535 bytes"],
)
def test_what_is_no_request_gets_a_problem_with_security_headers(
    address: str, request_head: bytes
) -> None:
    with connected(address) as client:
        client.sendall(request_head)
        answer = b""
        while part := client.recv(5_000):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer
    assert b"content-security-policy: default-src 'none'" in head.lower()
    assert json.loads(body)["type"] == "urn:everscore:problem:malformed"


def test_body_that_never_comes_ends_with_408(address: str) -> None:
    with connected(address) as client:
        client.sendall(b"POST /v1/a/echo/b HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        assert client.recv(1_000).startswith(b"HTTP/1.1 408 ")


def test_gigabyte_is_refused_at_its_announcement(address: str) -> None:
    with connected(address) as client:
        head = b"POST /v1/a/echo/b HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n"
        client.sendall(head)
        answer = client.recv(2_000)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()


def test_several_requests_on_one_connection_are_no_slow_head(address: str) -> None:
    with connected(address) as client:
        for _ in range(3):
            client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b'{"live":true}' in client.recv(5_000)
            time.sleep(0.2)


def test_broken_requests_leave_the_service_alone(address: str) -> None:
    for request in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 99,
    ):
        with connected(address) as client:
            client.sendall(request)
            client.recv(1_000)
    with connected(address) as client:
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_made_up_requests_find_no_unplanned_failure(desk: Desk, address: str) -> None:
    report = fuzzed(address, desk.app.openapi(), key=desk.texts["all"], count=200)
    assert report.failures == []
    assert report.count > 100
    statuses = {status for _, status in report.answers}
    assert {200, 422} <= statuses


def test_failure_without_a_reason_would_be_noticed() -> None:
    class Answer:
        status_code = 500
        content = b'Traceback (most recent call last): File "/home/x/app.py"'
        headers: dict[str, str] = {}  # noqa: RUF012

    faults = list(faults_of("GET /x", Answer()))
    assert len(faults) == 3
    Answer.content = b'{"type": "urn:everscore:problem:unexpected", "detail": "x"}'
    assert "without a reason" in next(faults_of("GET /x", Answer()))


def test_whole_service_is_made_without_a_connection_to_anything(tmp_path: Path) -> None:
    serving = whole_service(tmp_path)
    secret = tmp_path / "serving" / "session-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert {"model of churn", "stream of churn"} <= set(serving.checks)
