"""The operations for devices, as any program calls them."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serving.device.package import Deployed, NotForDevices, Packages
from serving.device.page import ENTRY, page_router
from serving.device.routes import router
from serving.device.web_files import COMMAND, VERSION, WebFiles
from stores.kafka.errors import KafkaDown
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import Desk, desk_of, problem
from tests.support.device import (
    ISSUED,
    REFRESH_SECONDS,
    Device,
    MemoryDeviceKeys,
    Topic,
    tiny_devices,
)

DEVICE = "/v1/tiny/device"
PAGE = "/desk/tiny/device"


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def desk(deployed: Deployed, topic: Topic, tmp_path: Path) -> Desk:
    devices = {"tiny": tiny_devices(deployed, MemoryDeviceKeys(), topic)}
    routers = (router(devices), page_router(devices, WebFiles(tmp_path)))
    return desk_of(*routers, scenarios={"tiny": SCENARIO}, entries=(ENTRY,))


@pytest.fixture
def agent(desk: Desk) -> TestClient:
    return desk.client("agent")


def device_with_key(client: TestClient) -> tuple[Device, dict[str, Any]]:
    device, package = Device(), client.get(f"{DEVICE}/package").json()
    body = {"package_id": package["package_id"], "public_key": device.public_key}
    answer = client.post(f"{DEVICE}/keys", json=body)
    assert answer.status_code == 201, answer.text
    device.key_id = answer.json()["key_id"]
    return device, package


def test_package_and_graph_belong_together(agent: TestClient) -> None:
    answer = agent.get(f"{DEVICE}/package")
    assert answer.headers["cache-control"] == "no-store"
    package = answer.json()
    issued_at_ms = round(ISSUED.timestamp() * 1000)
    assert package["issued_at_ms"] == issued_at_ms
    assert package["refresh_by_ms"] == issued_at_ms + REFRESH_SECONDS * 1000
    graph = agent.get(package["graph_url"])
    assert graph.headers["content-type"] == "application/octet-stream"
    assert hashlib.sha256(graph.content).hexdigest() == package["model"]["sha256"]
    assert problem(agent.get(f"{DEVICE}/graphs/{'0' * 64}"))["status"] == 404


def test_records_are_taken_and_counted(desk: Desk, agent: TestClient, topic: Topic) -> None:
    device, package = device_with_key(agent)
    good = device.signed(device.content(package))
    tampered = device.signed(device.content(package, case=1))
    tampered["payload"] = tampered["payload"].replace("golden-1", "golden-2")
    answer = agent.post(f"{DEVICE}/records", json={"records": [good, tampered]})
    first, second = answer.json()["dispositions"]
    assert first == {"record_id": f"tiny-device-{device.key_id}-1", "outcome": "accepted"}
    assert (second["outcome"], second["reason"]) == ("refused", "signature")
    assert [document["scored_by"] for document in topic.documents] == ["agent"]
    counts = desk.client("operator").get(f"{DEVICE}/counts").json()
    assert counts == {"records": {"accepted": 1, "signature": 1}}


def test_a_key_is_for_the_current_package_and_a_public_point(agent: TestClient) -> None:
    package_id = agent.get(f"{DEVICE}/package").json()["package_id"]
    key = Device().public_key

    def answer_to(package: str, public_key: dict[str, str]) -> int:
        body = {"package_id": package, "public_key": public_key}
        document = problem(agent.post(f"{DEVICE}/keys", json=body))
        return int(document["status"])

    assert answer_to("another", key) == 409
    assert answer_to(package_id, {**key, "crv": "P-521"}) == 422
    assert answer_to(package_id, {**key, "d": "secret"}) == 422


def test_an_operator_revokes_the_key_of_a_lost_device(desk: Desk, agent: TestClient) -> None:
    device, package = device_with_key(agent)
    operator = desk.client("operator")
    assert agent.delete(f"{DEVICE}/keys/{device.key_id}").status_code == 403
    revoked = operator.delete(f"{DEVICE}/keys/{device.key_id}").json()
    assert (revoked["caller"], revoked["revoked_by"]) == ("agent", "operator")
    assert operator.delete(f"{DEVICE}/keys/{'0' * 16}").status_code == 404
    signed = device.signed(device.content(package))
    (disposition,) = agent.post(f"{DEVICE}/records", json={"records": [signed]}).json()[
        "dispositions"
    ]
    assert disposition["reason"] == "revoked_key"


def test_bodies_have_bounds(agent: TestClient) -> None:
    signed = {"payload": "{}", "signature": ""}
    bodies: list[dict[str, Any]] = [
        {"records": []},
        {"records": [signed] * 501},
        {"records": [{**signed, "further": 1}]},
        {"records": [{"payload": "x" * 70_000, "signature": ""}]},
        {},
    ]
    for body in bodies:
        assert problem(agent.post(f"{DEVICE}/records", json=body))["status"] == 422


def test_kafka_away_is_answered_with_a_time_to_try_again(agent: TestClient, topic: Topic) -> None:
    device, package = device_with_key(agent)
    topic.error = KafkaDown("Kafka 10.0.0.1: away")
    body = {"records": [device.signed(device.content(package))]}
    answer = agent.post(f"{DEVICE}/records", json=body)
    assert problem(answer)["status"] == 503
    assert answer.headers["retry-after"]
    assert "10.0.0.1" not in answer.text
    topic.error = None
    (disposition,) = agent.post(f"{DEVICE}/records", json=body).json()["dispositions"]
    assert disposition["outcome"] == "accepted"


def test_unknown_scenarios_and_callers_without_a_role(desk: Desk, agent: TestClient) -> None:
    assert "tiny" in problem(agent.get("/v1/other/device/package"))["detail"]
    assert desk.client().get(f"{DEVICE}/package").status_code == 401
    assert desk.client("scientist").get(f"{DEVICE}/package").status_code == 403


def test_a_version_that_no_device_can_score_is_a_clear_answer(deployed: Deployed) -> None:
    def none_fits() -> Deployed:
        raise NotForDevices("tiny has no deployed version: run ./spark-submit.sh train_model")

    devices = tiny_devices(deployed, MemoryDeviceKeys(), Topic())
    devices = replace(devices, packages=Packages(SCENARIO, none_fits))
    client = desk_of(router({"tiny": devices}), scenarios={"tiny": SCENARIO}).client("agent")
    document = problem(client.get(f"{DEVICE}/package"))
    assert document["status"] == 409
    assert "run ./spark-submit.sh train_model" in document["detail"]


def test_without_the_files_the_page_names_the_command(desk: Desk) -> None:
    browser = desk.browser("agent")
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert f"<code>{COMMAND}</code>" in page.text
    assert "device.js" not in page.text
    answer = browser.get(f"{PAGE}/onnxruntime/{VERSION}/ort.wasm.min.mjs")
    assert answer.status_code == 404
    assert COMMAND in answer.text
    assert browser.get(f"{PAGE}/onnxruntime/1.0.0/ort.wasm.min.mjs").status_code == 404


def test_the_worker_may_serve_the_page_itself(desk: Desk) -> None:
    worker = desk.browser("agent").get(f"{PAGE}/worker.js")
    assert worker.headers["service-worker-allowed"] == PAGE
    assert worker.headers["content-type"].startswith("text/javascript")
    assert "wasm-unsafe-eval" in worker.headers["content-security-policy"]
