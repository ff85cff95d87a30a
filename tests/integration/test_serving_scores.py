"""Score-now on the real stores: a what-if is what the stream says when that event arrives."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from models.registry.versions import NoSuchVersion
from models.scoring_model import ScoringModel
from serving.access.capacity import Capacity
from serving.inference.open_inference_routes import router as open_inference_routes
from serving.problems import add_problem_handlers
from serving.rows.latest import LatestRows
from serving.scoring.composed import event_posting_of, score_now_of
from serving.scoring.event_posting import producer_in_use
from serving.scoring.routes import router as scoring_routes
from serving.sessions import SessionPool
from stores.records.control import read_last_good
from streaming.passes.settings import PassSettings
from tests.scenarios.tiny import SCENARIO
from tests.support.lane import Lane
from tests.support.tiny_model import reading
from tests.support.tiny_scoring import anybody

MACHINES = [f"machine {number} ü" for number in range(6)]
JUDGED = ("score", "band", "action", "review", "control_group", "reasons", "model")


def no_other_version(version: str) -> ScoringModel:
    raise NoSuchVersion(f"there is no version {version!r}")


@dataclass
class Service:
    lane: Lane
    client: TestClient
    latest: LatestRows

    def post(self, path: str, body: Any, status: int) -> dict[str, Any]:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        answer = self.client.post(path, content=content)
        assert answer.status_code == status, answer.text
        document: dict[str, Any] = answer.json()
        return document


@pytest.fixture(scope="module")
def service(lanes: Callable[[], AbstractContextManager[Lane]]) -> Iterator[Service]:
    """The scoring routes over a lane whose stream does not run yet."""
    with lanes() as lane:
        pool = SessionPool(lane.store, retry_seconds=20.0)
        settings = PassSettings(
            scenario="tiny",
            module="tests.scenarios.tiny",
            store=lane.store,
            epoch=0,
            first_offsets={},
            max_event_bytes=1_048_576,
            max_future_skew_seconds=300,
            retry_seconds=20.0,
        )
        scorers = {"tiny": score_now_of(SCENARIO, settings, pool, no_other_version)}
        latest = {"tiny": LatestRows(pool, "tiny")}
        producer = producer_in_use(lane.kafka, max_event_bytes=settings.max_event_bytes)
        posting = event_posting_of(SCENARIO, settings, pool, latest["tiny"], producer)
        scores, events = Capacity(8, "scores"), Capacity(8, "events")
        app = FastAPI()
        app.state.authenticate = anybody
        add_problem_handlers(app)
        app.include_router(
            scoring_routes(scorers, {"tiny": posting}, scoring=scores, posting=events)
        )
        app.include_router(open_inference_routes(scorers, latest, scores))
        try:
            yield Service(lane, TestClient(app), latest["tiny"])
        finally:
            producer.close()
            pool.close()


def test_without_a_stream_a_what_if_is_answered_and_an_event_waits(service: Service) -> None:
    event = reading("first", seconds=0.0, temperature_c=20.0)
    what_if = {"entity": "first", "events": [msgspec.Raw(event)]}
    assert len(service.post("/v1/tiny/what-if", what_if, 200)["verdicts"]) == 1
    service.post("/v1/tiny/what-if", {"entity": "first"}, 404)
    answer = service.post("/v1/tiny/events?wait_seconds=0.5", event, 202)
    assert (answer["state"], answer["offset"], answer["epoch"]) == ("waiting", 0, None)
    assert "score_stream" in answer["says"]
    with service.lane.session() as session:
        assert read_last_good(session, "tiny") is None  # the service has written nothing


def test_a_what_if_is_what_the_stream_says_when_that_event_arrives(service: Service) -> None:
    service.lane.start_scoring()
    seconds = time.time() - 1_767_225_600
    for turn in range(2):
        for number, machine in enumerate(MACHINES):
            event = reading(
                machine,
                seconds=seconds + turn,
                temperature_c=(turn * 47 + number * 29) % 160,
                mode=("idle", "normal", "boost")[(turn + number) % 3],
            )
            what_if = {"entity": machine, "events": [msgspec.Raw(event)]}
            (verdict,) = service.post("/v1/tiny/what-if", what_if, 200)["verdicts"]
            answer = service.post("/v1/tiny/events?wait_seconds=30", event, 200)
            row = answer["row"]
            assert answer["state"] == "scored"
            assert row["source"]["offset"] == answer["offset"]
            assert {name: verdict[name] for name in JUDGED} == {name: row[name] for name in JUDGED}
    assert {row["band"] for row in _rows(service)} == {"ok", "hot"}


def test_the_inference_protocol_gives_the_streams_row(service: Service) -> None:
    tensor = {"name": "entity", "datatype": "BYTES", "shape": [6], "data": MACHINES}
    answer = service.post("/v2/models/tiny/infer", {"inputs": [tensor]}, 200)
    (score,) = (output for output in answer["outputs"] if output["name"] == "score")
    assert score["data"] == [row["score"] for row in _rows(service)]


def test_an_event_without_a_verdict_is_said_to_have_none(service: Service) -> None:
    repair = msgspec.json.encode(
        {
            "type": "repair",
            "machine": "never measured",
            "event_time": "2026-01-02T00:00:00Z",
            "parts": 2,
        }
    )
    answer = service.post("/v1/tiny/events?wait_seconds=30", repair, 200)
    assert (answer["state"], answer["row"]) == ("no verdict", None)


def _rows(service: Service) -> list[dict[str, Any]]:
    rows = service.latest.many(MACHINES, datetime.now(UTC))
    return [msgspec.json.decode(rows[machine].document) for machine in MACHINES]
