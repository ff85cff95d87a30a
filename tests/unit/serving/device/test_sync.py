"""Records of devices: what is taken, what is refused and why; nothing is lost or doubled."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from models.errors import ModelMissing, ModelNeedsFeatures
from scenarios.contract.records.device_records import DeviceRecordDocument
from serving.device.package import Deployed
from serving.device.routes import Devices, new_key
from serving.device.sync import Disposition
from stores.kafka.errors import KafkaDown
from tests.scenarios.tiny import SCENARIO
from tests.support.device import ISSUED, Device, MemoryDeviceKeys, Topic, tiny_devices


@dataclass
class Desk:
    """A device that has its package and key, and the service."""

    devices: Devices
    keys: MemoryDeviceKeys
    topic: Topic
    package: dict[str, Any]
    device: Device = field(default_factory=Device)

    def issue(self, deployed: Deployed) -> None:
        key = new_key(
            deployed,
            scenario="tiny",
            policy_version=SCENARIO.policy.version,
            package_id=self.package["package_id"],
            public_key=self.device.public_key,
            caller="agent-7",
            now=ISSUED,
        )
        self.keys.add(key)
        self.device.key_id = key.id

    def content(self, case: int = 0, **changes: Any) -> dict[str, Any]:
        return {**self.device.content(self.package, case=case), **changes}

    def take(
        self, *records: dict[str, str], now: datetime = ISSUED + timedelta(hours=1)
    ) -> list[Disposition]:
        pairs = [(record["payload"], record["signature"]) for record in records]
        return self.devices.sync.take(pairs, self.keys, caller="agent-8", now=now)

    def take_contents(self, *contents: dict[str, Any]) -> list[Disposition]:
        return self.take(*(self.device.signed(content) for content in contents))


@pytest.fixture
def desk(deployed: Deployed) -> Desk:
    keys, topic = MemoryDeviceKeys(), Topic()
    devices = tiny_devices(deployed, keys, topic)
    current = devices.packages.current()
    desk = Desk(devices, keys, topic, {**current.content, "package_id": current.id})
    desk.issue(deployed)
    return desk


def reasons(dispositions: list[Disposition]) -> list[str]:
    return [one.reason or one.outcome for one in dispositions]


def test_a_record_is_recomputed_and_published_with_both_verdicts(desk: Desk) -> None:
    content = desk.content()
    signed = desk.device.signed(content)
    assert desk.take(signed) == [Disposition(record_id=content["record_id"], outcome="accepted")]
    ((key, value),) = desk.topic.messages
    assert key == content["entity"].encode()
    document = msgspec.json.decode(value, type=DeviceRecordDocument)
    assert document.entity == content["entity"]
    assert document.verdict == document.on_device
    assert document.features == content["features"]
    assert document.model.version == "1"
    assert (document.scored_by, document.synced_by) == ("agent-7", "agent-8")
    assert document.event_time == "2026-11-29T12:00:00.000+00:00"
    assert document.arrived_at == "2026-11-29T13:00:00.000+00:00"
    assert (document.clock, document.number) == ("plausible", 1)
    # Whoever reads the archive can check the signature.
    assert document.signed.payload == signed["payload"]
    assert document.signed.public_key == desk.device.public_key


def test_every_golden_case_is_taken(desk: Desk) -> None:
    contents = [desk.content(case) for case in range(500)]
    assert set(reasons(desk.take_contents(*contents))) == {"accepted"}
    assert len(desk.topic.messages) == 500


def test_the_last_bits_of_a_score_may_differ_and_the_judges_is_published(desk: Desk) -> None:
    content = desk.content()
    judged = content["score"]
    assert reasons(desk.take_contents({**content, "score": judged + 9e-7})) == ["accepted"]
    (document,) = desk.topic.documents
    assert document["verdict"]["score"] == judged
    assert document["on_device"]["score"] == judged + 9e-7


def test_a_record_sent_again_is_taken_once(desk: Desk) -> None:
    signed = desk.device.signed(desk.content())
    assert reasons(desk.take(signed)) == ["accepted"]
    again = {**signed, "signature": desk.device.signature(signed["payload"])}
    assert reasons(desk.take(signed, again)) == ["already accepted", "already accepted"]
    assert len(desk.topic.messages) == 1


def test_twice_in_one_request_is_once(desk: Desk) -> None:
    signed = desk.device.signed(desk.content())
    assert reasons(desk.take(signed, signed)) == ["accepted", "already accepted"]
    assert len(desk.topic.messages) == 1


def test_a_tampered_record_is_refused_and_its_neighbours_are_taken(desk: Desk) -> None:
    first, tampered, last = (desk.device.signed(desk.content(case)) for case in range(3))
    content = json.loads(tampered["payload"])
    tampered["payload"] = json.dumps({**content, "entity": "somebody else"})
    dispositions = desk.take(first, tampered, last)
    assert reasons(dispositions) == ["accepted", "signature", "accepted"]
    assert dispositions[1].record_id == content["record_id"]
    assert len(desk.topic.messages) == 2
    # The true record, which the device still has, is taken later.
    assert reasons(desk.take_contents(content)) == ["accepted"]
    assert desk.devices.sync.counts.all() == {"accepted": 3, "signature": 1}


def test_another_record_under_a_number_is_refused(desk: Desk) -> None:
    content = desk.content()
    desk.take_contents(content)
    assert reasons(desk.take_contents({**content, "entity": "golden-1"})) == ["replayed"]


def test_a_key_that_is_not_known_or_revoked_signs_nothing(desk: Desk) -> None:
    content = desk.content()
    other = {**content, "key_id": "0" * 16, "record_id": f"tiny-device-{'0' * 16}-1"}
    assert reasons(desk.take_contents(other)) == ["unknown_key"]
    desk.keys.revoke(desk.device.key_id, caller="operator", now_ms=1)
    assert reasons(desk.take_contents(content)) == ["revoked_key"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: {**content, "score": content["score"] + 2e-6}, "parity"),
        (lambda content: {**content, "band": "hot"}, "decision"),
        (lambda content: {**content, "review": True}, "decision"),
        (lambda content: {**content, "control_group": True}, "decision"),
        (lambda content: {**content, "action": "give money"}, "decision"),
        (lambda content: {**content, "package_id": "another"}, "another_package"),
        (lambda content: {**content, "features": {}}, "features"),
        (lambda content: with_feature(content, "parts", 0.1), "features"),
        (lambda content: with_feature(content, "parts", 1e300), "features"),
        (lambda content: with_feature(content, "extra", 1.0), "features"),
        (lambda content: with_feature(content, "temperature_c", None), "unscorable"),
        (lambda content: with_feature(content, "temperature_c", 130.0), "parity"),
        (lambda content: {**content, "record_id": "tiny-device-x-1"}, "malformed"),
        (lambda content: {**content, "number": 0}, "malformed"),
        (lambda content: {**content, "score": 1.5}, "malformed"),
        (lambda content: {**content, "entity": ""}, "malformed"),
        (lambda content: {**content, "entity": "ü" * 300}, "malformed"),
        (lambda content: {**content, "device_time": "yesterday"}, "malformed"),
        (lambda content: {**content, "device_time": "2026-11-29T12:00:00"}, "malformed"),
        (lambda content: {**content, "further": 1}, "malformed"),
        (lambda content: {}, "malformed"),
    ],
)
def test_what_is_signed_but_not_right_is_refused_with_its_reason(
    desk: Desk, change: Callable[[dict[str, Any]], dict[str, Any]], reason: str
) -> None:
    (disposition,) = desk.take_contents(change(desk.content()))
    assert (disposition.outcome, disposition.reason) == ("refused", reason)
    assert disposition.sentence
    assert desk.topic.messages == []
    assert desk.devices.sync.counts.all() == {reason: 1}


def with_feature(content: dict[str, Any], name: str, value: float | None) -> dict[str, Any]:
    return {**content, "features": {**content["features"], name: value}}


@pytest.mark.parametrize("text", ["", "[]", "[" * 10_000, "\ud800", "NaN", '{"score": NaN}'])
def test_hostile_texts_are_refused(desk: Desk, text: str) -> None:
    assert reasons(desk.take({"payload": text, "signature": ""})) == ["malformed"]


def test_a_wrong_clock_is_recorded_and_no_reason_to_refuse(desk: Desk) -> None:
    contents = [
        desk.content(device_time="2019-01-01T00:00:00Z"),
        desk.content(device_time="2031-01-01T00:00:00+02:00"),
    ]
    assert reasons(desk.take_contents(*contents)) == ["accepted", "accepted"]
    assert [document["clock"] for document in desk.topic.documents] == [
        "before the key was issued",
        "after the record arrived",
    ]
    assert {document["arrived_at"] for document in desk.topic.documents} == {
        "2026-11-29T13:00:00.000+00:00"
    }


def test_kafka_away_loses_nothing(desk: Desk) -> None:
    signed = desk.device.signed(desk.content())
    desk.topic.error = KafkaDown("away")
    with pytest.raises(KafkaDown):
        desk.take(signed)
    desk.topic.error = None
    assert reasons(desk.take(signed)) == ["accepted"]
    assert reasons(desk.take(signed)) == ["already accepted"]
    assert len(desk.topic.messages) == 1


@pytest.mark.parametrize(
    ("error", "outcome", "reason", "sentence"),
    [
        (ModelNeedsFeatures("trained on others"), "refused", "definitions", "trained on others"),
        (ModelMissing("no /srv/models/1"), "not now", "version", "no (a place on the server)"),
    ],
)
def test_a_version_that_cannot_judge_is_a_reason(
    desk: Desk, error: Exception, outcome: str, reason: str, sentence: str
) -> None:
    def recall(pointer: object) -> Any:
        raise error

    sync = replace(desk.devices.sync, recall=recall)
    signed = desk.device.signed(desk.content())
    pairs = [(signed["payload"], signed["signature"])]
    (disposition,) = sync.take(pairs, desk.keys, caller="agent-8", now=ISSUED)
    assert (disposition.outcome, disposition.reason) == (outcome, reason)
    assert disposition.sentence == sentence
    # Once the version is there again, the record is taken.
    assert reasons(desk.take(signed)) == ["accepted"]
