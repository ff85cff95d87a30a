"""What-ifs, feature rows and posted events over HTTP."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from kafka.errors import KafkaTimeoutError

from features.events.partitioners import CUSTOM
from stores.hbase.states import Marker
from tests.scenarios.tiny import SCENARIO
from tests.support.homes import home_of
from tests.support.tiny_model import reading
from tests.support.tiny_pass import ARRIVED_MS, RowTable, played
from tests.support.tiny_scoring import (
    MemoryRecords,
    PlacedProducer,
    in_use,
    loaded_model,
    score_now,
    scoring_app,
    tiny_epoch,
)

HOT = {"type": "reading", "temperature_c": 150.0, "mode": "boost"}
VALUE = reading("machine 1", seconds=9_000, temperature_c=140.0, mode="boost")


@dataclass
class Service:
    records: MemoryRecords = field(default_factory=lambda: MemoryRecords(tiny_epoch()))
    producer: PlacedProducer = field(default_factory=PlacedProducer)
    now_ms: int = ARRIVED_MS

    def __post_init__(self) -> None:
        self.records.table = played(loaded_model(), [60]).table
        scorer = score_now(in_use(loaded_model()), self.records.table)
        app = scoring_app(scorer, self.records, self.producer, now_ms=self.now_ms)
        self.client = TestClient(app)

    def post(self, path: str, body: Any, status: int) -> dict[str, Any]:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        answer = self.client.post(path, content=content)
        assert answer.status_code == status, answer.text
        document: dict[str, Any] = answer.json()
        return document


def test_a_what_if_is_marked_and_leaves_everything_as_it_was() -> None:
    service = Service()
    rows = dict(service.records.table.rows)
    answer = service.post("/v1/tiny/what-if", {"entity": "machine 1", "events": [HOT, HOT]}, 200)
    assert answer["what_if"] is True
    assert [verdict["case"] for verdict in answer["verdicts"]] == [0, 1]
    assert all(verdict["is_what_if"] for verdict in answer["verdicts"])
    assert answer["verdicts"][0]["reasons"]
    assert service.records.table.rows == rows
    assert service.producer.sent == []


def test_a_refused_what_if_names_each_event_with_its_reason() -> None:
    events = [HOT, {"type": "reading", "temperature_c": 900, "mode": "warp"}]
    answer = Service().post("/v1/tiny/what-if", {"entity": "m", "events": events}, 422)
    (refusal,) = answer["refusals"]
    assert (refusal["event"], refusal["reason_code"]) == (1, "out_of_range")
    assert "900" in refusal["reason"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/another/what-if", {"entity": "m"}, 404),
        ("/v1/tiny/what-if", {"entity": "nobody"}, 404),
        ("/v1/tiny/what-if", b"{", 400),
        ("/v1/tiny/what-if", b"", 400),
        ("/v1/tiny/what-if", b"[" * 10_000, 400),
        ("/v1/tiny/what-if", {"entity": "m", "colour": 1}, 400),
        ("/v1/tiny/what-if", {"entity": "m", "events": [HOT] * 101}, 400),
        ("/v1/tiny/what-if", b'{"entity":"\\ud800","events":[]}', 400),
        ("/v1/tiny/verdicts", {"columns": ["colour"], "rows": [[1]]}, 422),
        ("/v1/tiny/verdicts", {"columns": ["mode"], "rows": [["warp"]]}, 422),
        ("/v1/tiny/verdicts", {"columns": ["mode"], "rows": [[1, 2]]}, 422),
        ("/v1/tiny/verdicts", {"columns": list(SCENARIO.feature_names), "rows": []}, 200),
        ("/v1/tiny/events", b"\xff", 422),
        ("/v1/tiny/events", b"{}", 422),
    ],
)
def test_bad_requests_have_a_status_of_their_own(path: str, body: Any, status: int) -> None:
    service = Service()
    answer = service.post(path, body, status)
    assert "Traceback" not in str(answer)
    assert service.producer.sent == []


def test_rows_by_a_version_that_is_not_there() -> None:
    row = [50.0] * len(SCENARIO.feature_names)
    row[SCENARIO.feature_names.index("mode")] = 1
    body = {"columns": list(SCENARIO.feature_names), "rows": [row], "version": "7"}
    assert "no version" in Service().post("/v1/tiny/verdicts", body, 404)["detail"]
    ours = Service().post("/v1/tiny/verdicts", body | {"version": None}, 200)
    assert ours["verdicts"][0]["model"]["version"] == "1"


def test_a_posted_event_lies_in_its_home_as_it_was_sent() -> None:
    service = Service()
    answer = service.post("/v1/tiny/events", VALUE, 202)
    home = home_of("machine 1")
    assert (answer["topic"], answer["partition"], answer["offset"]) == ("tiny.events", home, 0)
    assert (answer["state"], answer["epoch"], answer["row"]) == ("waiting", 1, None)
    assert service.producer.sent == [("tiny.events", home, b"machine 1", VALUE)]
    assert service.post("/v1/tiny/events", VALUE, 202)["offset"] == 1


def test_the_answer_waits_for_the_stream_and_shows_its_row() -> None:
    service = Service()
    home = home_of("machine 1")
    late = service.post("/v1/tiny/events?wait_seconds=0.2", VALUE, 202)
    assert "score_stream" in late["says"]
    shown = msgspec.json.decode(service.records.table.rows["machine 1"])
    shown["source"] = {"topic": "tiny.events", "partition": home, "offset": 1}
    service.records.table.rows["machine 1"] = msgspec.json.encode(shown)
    service.records.markers[home] = Marker(partition=home, epoch=1, offset=1)
    answer = service.post("/v1/tiny/events?wait_seconds=5", VALUE, 200)
    assert (answer["offset"], answer["state"]) == (1, "scored")
    assert answer["row"]["score"] == shown["score"]
    assert "age_seconds" in answer["row"]
    service.records.markers[home] = Marker(partition=home, epoch=1, offset=9)
    assert service.post("/v1/tiny/events?wait_seconds=5", VALUE, 200)["state"] == "no verdict"
    assert service.client.post("/v1/tiny/events?wait_seconds=500", content=VALUE).status_code == 422


def test_before_the_first_epoch_an_event_is_published_all_the_same() -> None:
    service = Service(records=MemoryRecords())
    assert service.post("/v1/tiny/events", VALUE, 202)["epoch"] is None


def test_an_event_whose_home_is_not_clear_is_not_published() -> None:
    grown = Service(producer=PlacedProducer(partitions=3))
    assert "advance_epoch" in grown.post("/v1/tiny/events", VALUE, 409)["detail"]
    custom = Service(records=MemoryRecords(tiny_epoch(partitioner=CUSTOM)))
    assert "rule of their own" in custom.post("/v1/tiny/events", VALUE, 409)["detail"]
    assert custom.producer.sent == grown.producer.sent == []
    custom.records.homes[1, "machine 1"] = 0
    assert custom.post("/v1/tiny/events", VALUE, 202)["partition"] == 0


def test_kafka_that_does_not_acknowledge_is_a_503() -> None:
    service = Service()
    service.producer.failure = KafkaTimeoutError("late")
    service.post("/v1/tiny/events", VALUE, 503)


def test_the_fake_table_is_the_one_the_pass_writes() -> None:
    assert isinstance(Service().records.table, RowTable)
