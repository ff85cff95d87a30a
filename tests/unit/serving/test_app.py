"""What every request passes: access, limits, problems, headers, log and metrics."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, HTTPException
from fastapi.testclient import TestClient

from scenarios.contract.scenario import UnknownScenario
from serving.access.bodies import BodyLimits
from serving.access.capacity import Capacity
from serving.access.roles import Allowed, Principal, Role
from serving.app import OperationOpen, create_app, operations
from serving.parts import Serving
from serving.problems import unknown_scenario, without_paths
from stores.hbase.connection import StoreDown, TableMissing
from stores.kafka.errors import KafkaDown
from stores.records.deployments import DeploymentChanged
from tests.support.desk import Desk, desk_of, problem

Agent = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER))]

FAILURES: dict[str, Exception] = {
    "store": StoreDown("HBase Thrift gateway 10.1.2.3:9090 does not answer"),
    "kafka": KafkaDown("Kafka 10.1.2.3:9092 does not answer"),
    "table": TableMissing("everscore:churn", stream="churn"),
    "scenario": UnknownScenario("there is no scenario 'x' in the settings"),
    "refused": DeploymentChanged("somebody changed /var/lib/everscore/run/deployments first"),
    "http": HTTPException(409, "decided already", headers={"X-By": "somebody"}),
    "surprise": ZeroDivisionError("secret insides of /opt/everscore/serving/app.py"),
}


def example_router() -> APIRouter:
    router = APIRouter()

    @router.get("/v1/{scenario}/rows/{entity}")
    def row(scenario: str, entity: str, caller: Agent) -> dict[str, str]:
        if scenario != "churn":
            raise unknown_scenario(scenario, {"churn": None, "fraud": None})
        return {"entity": entity, "by": caller.name}

    @router.get("/v1/failures/{name}")
    def fail(name: str, caller: Agent) -> None:
        raise FAILURES[name]

    @router.post("/v1/echo")
    def echo(caller: Agent, document: Annotated[dict[str, int], Body()]) -> Any:
        return document

    @router.post("/v1/text")
    def text(caller: Agent, document: Annotated[Any, Body()]) -> Any:
        return document

    return router


@pytest.fixture(scope="module")
def desk() -> Desk:
    return desk_of(
        example_router(), limits=BodyLimits(max_bytes=10_000, max_levels=50, seconds=0.2)
    )


def test_operation_without_a_role_is_refused_at_the_start() -> None:
    router = APIRouter()

    @router.delete("/v1/everything")
    def delete() -> None: ...

    serving = Serving(scenarios={}, routers=(router,), authenticate=lambda request: None)
    with pytest.raises(OperationOpen, match="DELETE /v1/everything"):
        create_app(serving)


def test_caller_needs_a_key_and_the_role(desk: Desk) -> None:
    path = "/v1/churn/rows/7590-VHVEG"
    without_key = desk.client().get(path)
    assert without_key.status_code == 401
    assert without_key.headers["WWW-Authenticate"] == "Bearer"
    assert desk.client("auditor").get(path).status_code == 403
    assert desk.client("agent").get(path).json() == {"entity": "7590-VHVEG", "by": "agent"}
    by_header = desk.client().get(path, headers={"X-API-Key": desk.texts["reviewer"]})
    assert by_header.json()["by"] == "reviewer"


def test_unknown_scenario_names_those_that_exist(desk: Desk) -> None:
    document = problem(desk.client("agent").get("/v1/cherry/rows/1"))
    assert document["status"] == 404
    assert document["scenarios"] == ["churn", "fraud"]
    assert "'cherry'" in document["detail"]


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("store", 503, "store-down"),
        ("kafka", 503, "kafka-down"),
        ("table", 503, "table-missing"),
        ("scenario", 404, "unknown-scenario"),
        ("refused", 409, "refused"),
    ],
)
def test_known_error_is_a_problem_of_its_kind(
    desk: Desk, name: str, status: int, kind: str
) -> None:
    answer = desk.client("agent").get(f"/v1/failures/{name}")
    document = problem(answer)
    assert (document["status"], document["type"]) == (status, f"urn:everscore:problem:{kind}")
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "10.1.2.3" not in answer.text
    assert "/var/lib" not in answer.text


def test_refusal_of_an_operation_keeps_its_sentence_and_headers(desk: Desk) -> None:
    answer = desk.client("agent").get("/v1/failures/http")
    assert problem(answer)["detail"] == "decided already"
    assert answer.headers["X-By"] == "somebody"


def test_surprise_is_a_500_whose_id_stands_in_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = desk.client("agent").get("/v1/failures/surprise")
    document = problem(answer)
    assert document["status"] == 500
    assert "insides" not in answer.text
    assert document["error_id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_validation_says_where_without_repeating_what_was_given(desk: Desk) -> None:
    answer = desk.client("agent").post("/v1/echo", json={"minutes": "Anna Example, 030 1234567"})
    document = problem(answer)
    assert document["status"] == 422
    assert document["errors"][0]["where"] == "body.minutes"
    assert "Anna" not in answer.text


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"a": nan', b""])
def test_no_json_is_a_client_error(desk: Desk, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = desk.client("agent").post("/v1/echo", content=body, headers=headers)
    assert problem(answer)["status"] in (400, 422)


def test_half_a_character_in_an_answer_is_a_client_error(desk: Desk) -> None:
    headers = {"Content-Type": "application/json"}
    answer = desk.client("agent").post("/v1/text", content=b'"\\ud800"', headers=headers)
    assert problem(answer)["status"] == 400


def test_body_of_ten_thousand_levels_is_refused(desk: Desk) -> None:
    body = b"[" * 5_000 + b"]" * 5_000
    document = problem(desk.client("agent").post("/v1/text", content=body))
    assert document["status"] == 400
    assert "50 levels" in document["detail"]


def test_brackets_in_texts_are_no_levels(desk: Desk) -> None:
    document = {"text": "[" * 200 + '"' + "{" * 200, "more": [[1], [2]]}
    assert desk.client("agent").post("/v1/text", json=document).json() == document


def test_binary_tensors_after_a_json_head_are_no_levels(desk: Desk) -> None:
    head, tensor = b'{"inputs": []}', b"[" * 500
    headers = {"Inference-Header-Content-Length": str(len(head))}
    answer = desk.client("agent").post("/v1/text", content=head + tensor, headers=headers)
    assert "levels" not in answer.text
    deep = desk.client("agent").post("/v1/text", content=b"[" * 500, headers=headers)
    assert deep.status_code != 500


def test_too_large_body_is_refused_whether_it_says_so_or_not(desk: Desk) -> None:
    client = desk.client("agent")
    assert problem(client.post("/v1/text", content=b"x" * 10_001))["status"] == 413
    parts = (b"x" * 1_000 for _ in range(11))
    assert problem(client.post("/v1/text", content=parts))["status"] == 413


def test_gigabyte_is_refused_before_it_is_read(desk: Desk) -> None:
    """Neither by its announced length nor by its parts more than the limit is received."""
    for headers, most in (
        ([(b"content-length", b"1073741824")], 0),
        ([(b"transfer-encoding", b"chunked")], 11),
    ):
        received, sent = asyncio.run(streamed(desk, headers))
        assert received <= most
        assert sent[0]["status"] == 413
        assert (b"connection", b"close") in sent[0]["headers"]


async def streamed(desk: Desk, headers: list[tuple[bytes, bytes]]) -> tuple[int, list[Any]]:
    received, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1
        return {"type": "http.request", "body": b"x" * 1_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    await desk.app(scope_of("POST", "/v1/text", headers), receive, send)
    return received, sent


def test_slow_body_ends_with_408(desk: Desk) -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.15)
        return {"type": "http.request", "body": b"x", "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = scope_of("POST", "/v1/text", [(b"content-length", b"500")])
    asyncio.run(desk.app(scope, receive, send))
    assert sent[0]["status"] == 408


def scope_of(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


def test_further_costly_request_gets_429_while_others_are_answered() -> None:
    router, capacity = APIRouter(), Capacity(1, "scorings")
    release = asyncio.Event()

    @router.get("/v1/slow", dependencies=[Depends(capacity)])
    async def slow(caller: Agent) -> str:
        await release.wait()
        return "done"

    @router.get("/v1/quick")
    async def quick(caller: Agent) -> str:
        return "done"

    desk = desk_of(router)

    async def play() -> None:
        first = asyncio.create_task(answer_to(desk, "/v1/slow"))
        while not capacity.taken:
            await asyncio.sleep(0.001)
        status, headers = await answer_to(desk, "/v1/slow")
        assert (status, headers[b"retry-after"]) == (429, b"1")
        assert (await answer_to(desk, "/v1/quick"))[0] == 200
        release.set()
        assert (await first)[0] == 200
        assert capacity.taken == 0
        assert (await answer_to(desk, "/v1/slow"))[0] == 200

    asyncio.run(play())


async def answer_to(desk: Desk, path: str) -> tuple[int, dict[bytes, bytes]]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    key = f"Bearer {desk.texts['agent']}".encode()
    await desk.app(scope_of("GET", path, [(b"authorization", key)]), receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


def test_place_is_free_again_after_an_answer_that_breaks_off() -> None:
    capacity = Capacity(1)

    async def play() -> None:
        for _ in range(3):
            place: AsyncIterator[None] = capacity()
            await anext(place)
            with pytest.raises(ZeroDivisionError):
                await place.athrow(ZeroDivisionError())  # type: ignore[attr-defined]
        assert capacity.taken == 0

    asyncio.run(play())


def test_every_answer_has_the_security_headers(desk: Desk) -> None:
    for path in ("/v2/health/live", "/nowhere", "/login", "/desk", "/v1/failures/surprise"):
        headers = desk.client("agent").get(path).headers
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Request-Id"]
    device_page = desk.client("agent").get("/desk/churn/device")
    assert "'wasm-unsafe-eval'" in device_page.headers["Content-Security-Policy"]


def test_access_log_names_the_operation_and_the_key_but_no_customer(desk: Desk) -> None:
    desk.log.clear()
    client = desk.client("agent")
    client.get("/v1/churn/rows/Anna?note=secret", headers={"X-Request-Id": "call-17"})
    client.get("/v1/unknown/Anna", headers={"X-Request-Id": "bad id\tAnna"})
    known, unknown = (json.loads(line) for line in desk.log)
    key_ids = {key.name: key.id for key in desk.stored.values()}
    assert (known["method"], known["route"]) == ("GET", "/v1/{scenario}/rows/{entity}")
    assert (known["status"], known["caller"]) == (200, key_ids["agent"])
    assert known["request_id"] == "call-17"
    assert known["ms"] > 0
    assert unknown["route"] == "(none)"
    assert "Anna" not in "".join(desk.log)
    assert "secret" not in "".join(desk.log)
    assert desk.texts["agent"] not in "".join(desk.log)


def test_metrics_count_answers_by_operation(desk: Desk) -> None:
    desk.client("agent").get("/v1/churn/rows/1")
    assert desk.client("agent").get("/metrics").status_code == 403
    text = desk.client("operator").get("/metrics").text
    labels = 'method="GET",route="/v1/{scenario}/rows/{entity}"'
    assert f'everscore_http_requests_total{{{labels},status="200"}}' in text
    assert f'everscore_http_request_seconds_bucket{{{labels},le="+Inf"}}' in text
    assert "everscore_http_requests_under_way 1.0" in text


def test_openapi_names_the_roles_of_each_operation(desk: Desk) -> None:
    assert desk.client().get("/openapi.json").status_code == 401
    document = desk.client("auditor").get("/openapi.json").json()
    paths = document["paths"]
    assert paths["/v1/{scenario}/rows/{entity}"]["get"]["x-roles"] == ["agent", "reviewer"]
    assert paths["/v2/health/live"]["get"]["x-roles"] == []
    listed = {f"{method.upper()} {path}" for path, entry in paths.items() for method in entry}
    assert listed == {operation.name for operation in operations(desk.app)}


def test_no_page_of_the_framework_is_served(desk: Desk) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert desk.client("all").get(path).status_code == 404


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /var/lib/x/y.json now", "cannot read (a place on the server) now"),
        ("run ./spark-submit.sh prepare_scenario", "run ./spark-submit.sh prepare_scenario"),
        ("3/4 of the rows", "3/4 of the rows"),
        ("at hdfs:///everscore/delta/churn", "at (a place on the server)"),
    ],
)
def test_paths_of_the_server_stay_there(text: str, expected: str) -> None:
    assert without_paths(text) == expected


def test_client_that_goes_away_while_it_sends_is_no_error(desk: Desk) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = scope_of("POST", "/v1/text", [(b"content-length", b"500")])
    asyncio.run(desk.app(scope, receive, send))
    assert sent == []


def test_client_sees_the_page_problem_as_html_and_software_as_json(desk: Desk) -> None:
    client: TestClient = desk.client("agent")
    page = client.get("/desk/language/xx", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert problem(client.get("/desk/language/xx"))["status"] == 404
