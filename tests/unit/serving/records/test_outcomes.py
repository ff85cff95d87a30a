"""Outcomes that are posted over HTTP: checked, keyed, acknowledged."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from scenarios.contract.records.outcomes import OutcomeDecoder
from serving.records.outcome_routes import router
from serving.records.outcomes import OutcomePosting
from stores.kafka.errors import KafkaDown
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import desk_of

OUTCOME = {
    "prediction_id": "tiny-1-0-7-v1",
    "entity": "m 1",
    "status": "refused",
    "reason": "too <b>expensive</b>",
}


class Producer:
    """One partition; acknowledges at once, or not while `is_away`."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, dict[str, Any]]] = []
        self.is_away = False

    def send(self, topic: str, *, key: bytes, value: bytes) -> Any:
        """Give the record the next offset."""
        self.records.append((topic, key, json.loads(value)))
        place = SimpleNamespace(topic=topic, partition=0, offset=len(self.records) - 1)

        def get(timeout: float) -> Any:
            if self.is_away:
                raise KafkaTimeoutError("away")
            return place

        return SimpleNamespace(get=get)


@pytest.fixture
def producer() -> Producer:
    return Producer()


@pytest.fixture
def client(producer: Producer) -> Any:
    decoder = OutcomeDecoder(max_event_bytes=65_536, max_future_skew_seconds=60.0)
    return desk_of(router({"tiny": OutcomePosting(SCENARIO, decoder, lambda: producer)})).client(
        "all"
    )


def test_an_outcome_is_on_kafka_under_its_entity_when_it_is_answered(
    client: Any, producer: Producer
) -> None:
    answer = client.post("/v1/tiny/outcomes", json=OUTCOME)
    assert answer.status_code == 201
    assert answer.json() == {"topic": "tiny.outcomes", "partition": 0, "offset": 0}
    ((topic, key, document),) = producer.records
    assert (topic, key) == ("tiny.outcomes", b"m 1")
    assert document.items() >= OUTCOME.items()
    assert (document["type"], document["agent"]) == ("outcome", "all")
    other = client.post("/v1/tiny/outcomes", json={**OUTCOME, "agent": "b2"})
    assert (other.json()["offset"], producer.records[1][2]["agent"]) == (1, "b2")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "maybe"}, "status"),
        ({"reason": None}, "'reason' is missing"),
        ({"prediction_id": "churn-1-0-7-v1"}, "no prediction id of tiny"),
        ({"entity": ""}, "entity"),
        ({"cost": -1}, "cost"),
        ({"event_time": "yesterday"}, "event_time"),
        ({"event_time": "2999-01-01T00:00:00Z"}, "event_time"),
        ({"score": 1}, "score"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_not_sent(
    client: Any, producer: Producer, change: dict[str, Any], words: str
) -> None:
    body = {name: value for name, value in {**OUTCOME, **change}.items() if value is not None}
    answer = client.post("/v1/tiny/outcomes", json=body)
    assert answer.status_code == 422
    assert words in answer.text
    assert producer.records == []


def test_an_outcome_that_is_not_acknowledged_may_have_arrived(
    client: Any, producer: Producer
) -> None:
    producer.is_away = True
    assert client.post("/v1/tiny/outcomes", json=OUTCOME).status_code == 503
    decoder = OutcomeDecoder(max_event_bytes=65_536, max_future_skew_seconds=60.0)
    posting = OutcomePosting(SCENARIO, decoder, lambda: producer)
    with pytest.raises(KafkaDown, match="may have arrived"):
        posting.post(OUTCOME, datetime.now(UTC))
    assert client.post("/v1/shops/outcomes", json=OUTCOME).status_code == 404
