"""Health without a key, readiness by checks, MLflow's paths."""

import threading
import time
from importlib.metadata import version

from serving.health import Readiness
from tests.support.desk import desk_of


def test_health_answers_without_a_key() -> None:
    client = desk_of(checks={"store": lambda: None}).client()
    assert client.get("/v2/health/live").json() == {"live": True}
    ready = client.get("/v2/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "failing": []})
    for path in ("/ping", "/health"):
        assert (client.get(path).status_code, client.get(path).text) == (200, "\n")
    assert client.get("/version").text == version("mlflow")


def test_failing_check_is_named_to_all_and_explained_to_callers_with_a_key() -> None:
    def raising() -> str | None:
        raise ConnectionError("10.1.2.3:9090 in /var/lib/x does not answer")

    desk = desk_of(checks={"store": raising, "model": lambda: "no champion", "fine": lambda: None})
    answer = desk.client().get("/v2/health/ready")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json() == {"ready": False, "failing": ["model", "store"]}
    explained = desk.client("agent").get("/v2/health/ready").json()["failing"]
    assert explained["model"] == "no champion"
    assert "/var/lib" not in explained["store"]
    assert desk.client().get("/ping").status_code == 503
    assert (
        'everscore_serving_check_ok{check="model"} 0.0'
        in desk.client("operator").get("/metrics").text
    )


def test_checks_run_once_a_second_however_many_ask() -> None:
    now, calls = [0.0], [0]

    def check() -> None:
        calls[0] += 1

    readiness = Readiness({"store": check}, clock=lambda: now[0])
    for _ in range(5):
        assert readiness.failures() == {}
    assert calls[0] == 1
    now[0] = 1.5
    readiness.failures()
    assert calls[0] == 2


def test_check_that_hangs_has_failed_and_is_not_started_again() -> None:
    release, calls = threading.Event(), [0]

    def hanging() -> None:
        calls[0] += 1
        release.wait(10.0)

    checks = {"hangs": hanging, "fine": lambda: None}
    readiness = Readiness(checks, fresh_seconds=0.0, limit_seconds=0.05)
    try:
        for _ in range(3):
            assert set(readiness.failures()) == {"hangs"}
        assert calls[0] == 1
    finally:
        release.set()
    time.sleep(0.1)
    assert readiness.failures() == {}
