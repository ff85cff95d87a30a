"""The operations of the queue over HTTP: who may, what they see, and what is refused."""

from contextlib import nullcontext
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from serving.access.roles import Principal, Role, roles_of
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.routes import router
from tests.scenarios.tiny import SCENARIO
from tests.support.review_cases import RULES, MemoryCases, tiny_case

ROLES = {"ann": Role.REVIEWER, "bob": Role.REVIEWER, "boss": Role.OPERATOR, "eve": Role.AUDITOR}
CASES = "/v1/tiny/review/cases"


def caller_of(request: Request) -> Principal | None:
    name = request.headers.get("X-Name", "")
    return Principal(name=name, roles=frozenset({ROLES[name]})) if name in ROLES else None


@pytest.fixture
def store() -> MemoryCases:
    """A store with two cases."""
    cases = MemoryCases()
    cases.add([tiny_case(1, score=0.8), tiny_case(2, score=0.7)])
    return cases


@pytest.fixture
def client(store: MemoryCases) -> TestClient:
    """A client of the operations over `store`."""
    queue = ReviewQueue(SCENARIO, RULES, lambda: nullcontext(store))
    app = FastAPI()
    app.state.authenticate = caller_of
    app.include_router(router({"tiny": queue}))
    return TestClient(app, raise_server_exceptions=False)


def post(client: TestClient, name: str, path: str, body: Any = None) -> Any:
    return client.post(path, json=body, headers={"X-Name": name})


def get(client: TestClient, name: str, path: str) -> Any:
    return client.get(path, headers={"X-Name": name})


def test_a_case_from_claim_to_decision(client: TestClient) -> None:
    case = post(client, "ann", "/v1/tiny/review/next").json()
    assert (case["entity"], case["state"], case["claimed_by"]) == ("machine 1", "claimed", "ann")
    assert case["reasons"][0]["text"] == "150 °C"
    assert case["seconds_left"] == 60.0
    body = {"token": case["token"], "verdict": "confirmed", "note": "hot"}
    decided = post(client, "ann", f"{CASES}/{case['id']}/decision", body)
    again = post(client, "ann", f"{CASES}/{case['id']}/decision", body)
    assert (decided.status_code, again.json()) == (200, decided.json())
    assert decided.json()["verdict"] == "confirmed"
    waiting = get(client, "boss", "/v1/tiny/review").json()
    assert [line["id"] for line in waiting["cases"]] == ["tiny-1-0-2-v1"]
    assert waiting["states"] == {"open": 1}
    assert waiting["verdicts"] == ["confirmed", "dismissed", "unclear"]


def test_only_who_holds_a_case_sees_it_whole_and_opinions_stay_blind(client: TestClient) -> None:
    case = post(client, "ann", "/v1/tiny/review/next").json()
    path = f"{CASES}/{case['id']}"
    assert "entity" not in get(client, "bob", path).json()
    assert "token" not in get(client, "eve", path).json()
    assert get(client, "eve", path).json()["entity"] == "machine 1"
    body = {"token": case["token"], "verdict": "confirmed", "second_opinion": True}
    mine = post(client, "ann", f"{path}/decision", body).json()
    assert [opinion["verdict"] for opinion in mine["opinions"]] == ["confirmed"]
    second = post(client, "bob", f"{path}/claim").json()
    assert second["entity"] == "machine 1"
    assert "opinions" not in second
    assert "opinions" not in get(client, "eve", path).json()
    body = {"token": second["token"], "verdict": "confirmed"}
    both = post(client, "bob", f"{path}/decision", body).json()
    assert [opinion["reviewer"] for opinion in both["opinions"]] == ["ann", "bob"]
    figures = get(client, "eve", "/v1/tiny/review/agreement").json()
    assert (figures["opinions"]["cases"], figures["with_model"]["cases"]) == (1, 1)


def test_release_snooze_assign_and_an_empty_queue(client: TestClient, store: MemoryCases) -> None:
    first = post(client, "ann", "/v1/tiny/review/next").json()
    path = f"{CASES}/{first['id']}"
    held = {"token": first["token"]}
    assert post(client, "ann", f"{path}/renew", held).json()["seconds_left"] == 60.0
    assert post(client, "ann", f"{path}/release", held).json()["state"] == "open"
    assert post(client, "ann", f"{path}/release", held).status_code == 500  # 409 in the service
    assert post(client, "boss", f"{path}/assignee", {"reviewer": "bob"}).status_code == 200
    second = post(client, "ann", "/v1/tiny/review/next").json()
    snooze = {"token": second["token"], "seconds": 300}
    answer = post(client, "ann", f"{CASES}/{second['id']}/snooze", snooze).json()
    assert answer["state"] == "snoozed"
    assert post(client, "ann", "/v1/tiny/review/next").status_code == 204
    assert post(client, "bob", "/v1/tiny/review/next").json()["id"] == first["id"]
    assert post(client, "boss", f"{path}/second-opinion").json()["opinions_wanted"] == 2


@pytest.mark.parametrize(
    ("name", "path", "body", "status"),
    [
        ("nobody", "/v1/tiny/review/next", None, 401),
        ("boss", "/v1/tiny/review/next", None, 403),
        ("eve", f"{CASES}/tiny-1-0-1-v1/assignee", {"reviewer": "eve"}, 403),
        ("ann", f"{CASES}/tiny-1-0-9-v1/claim", None, 404),
        ("ann", f"{CASES}/tiny-1-0-1-v1/decision", {"token": "t"}, 422),
        ("ann", f"{CASES}/tiny-1-0-1-v1/snooze", {"token": "t", "seconds": "NaN"}, 422),
        ("ann", f"{CASES}/tiny-1-0-1-v1/decision", {"token": "t", "verdict": "x", "y": 1}, 422),
        ("ann", f"{CASES}/tiny-1-0-1-v1/decision", {"token": "t", "verdict": "x" * 201}, 422),
    ],
)
def test_what_may_not_be_is_refused(
    client: TestClient, name: str, path: str, body: Any, status: int
) -> None:
    assert post(client, name, path, body).status_code == status


def test_every_operation_names_its_roles(client: TestClient) -> None:
    queue_router = router({})
    assert len(queue_router.routes) >= 10
    assert all(roles_of(route) for route in queue_router.routes)
