"""Real X-rays through the real pipeline: verdicts, refusals, parity, and nothing left over."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from features.events.reasons import ATTACHMENT_CODES
from local.endpoints import Endpoints
from scenarios.xray.decisions import PNEUMONIA_FROM, UNCERTAIN_FROM
from scenarios.xray.images_file import FOLDER_VARIABLE, xray_folder
from scenarios.xray.scenario import SCENARIO
from stores.hbase.connection import HBaseStore
from tests.support.lane import Lane
from tests.support.processes import wait_until

pytestmark = pytest.mark.skipif(
    not (xray_folder() / "chest_xray_64px.npz").is_file(),
    reason=f"needs the chest X-rays: name their folder by {FOLDER_VARIABLE}, see docs/xray.md",
)
# Some 230 images with findings, then 70 without.
PATIENTS = 150
# Some forty held-out images are too few for the bounds that hold for all of them.
SETTINGS = (
    "training.minimum_rows=100",
    "gates.scenarios.xray.minimum_auroc=0.8",
    "gates.scenarios.xray.maximum_auroc=1",
    "gates.scenarios.xray.minimum_recall=0.8",
    "gates.scenarios.xray.maximum_calibration_error=0.3",
    "gates.scenarios.xray.slice_minimum_auroc=0.5",
)


@pytest.fixture(scope="module")
def lane(
    platform: Endpoints,
    run_dir: Path,
    shared_java: Mapping[str, str],
    stream_java: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lane]:
    """A model trained on some patients, then a stream over others; both have ended."""
    host, port = platform.hbase_thrift_host, platform.hbase_thrift_port
    store = HBaseStore(host, port, "xrays", 60.0)
    folder = tmp_path_factory.mktemp("xrays")
    opened = Lane(
        platform,
        run_dir,
        store,
        store,
        folder,
        shared_java,
        stream_java,
        scenario="xray",
        module="scenarios.xray.scenario",
    )
    try:
        for job, *arguments in (
            ("prepare_scenario",),
            ("publish_events", f"--customers={PATIENTS}"),
            ("archive_stream", "--once"),
            ("build_training_set",),
            ("train_model",),
        ):
            _ended(opened, job, *arguments)
        stream = opened.start_scoring()
        load = ("--no-history", f"--customers={PATIENTS}", "--rate=20", "--duration=7")
        _ended(opened, "publish_events", *load, "--bad-share=0.3")
        wait_until(lambda: opened.marked() == opened.ends(), timeout=60.0, what="scored events")
        stream.terminate()
        _ended(opened, "archive_stream", "--once")
        yield opened
    finally:
        opened.end()


def _ended(lane: Lane, job: str, *arguments: str) -> str:
    ended = lane.run_to_end(job, *arguments, settings=SETTINGS)
    assert ended.process.returncode == 0, ended.output()[-4_000:]
    return ended.output()


def _messages(lane: Lane, kind: str) -> list[Any]:
    """All messages of the topic `kind`: value, headers."""
    topic = SCENARIO.topic(kind)
    consumer = KafkaConsumer(bootstrap_servers=lane.servers, enable_auto_commit=False)
    try:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends, records = consumer.end_offsets(places), []
        while any(consumer.position(place) < end for place, end in ends.items()):
            for batch in consumer.poll(1_000).values():
                records += batch
        return records
    finally:
        consumer.close()


def test_every_image_has_its_verdict_or_its_reason(lane: Lane) -> None:
    predictions = [msgspec.json.decode(record.value) for record in _messages(lane, "predictions")]
    refused = Counter(
        dict(record.headers)["reason_code"].decode() for record in _messages(lane, "dead-letter")
    )
    assert len(predictions) + sum(refused.values()) == sum(lane.ends().values())
    assert len(predictions) >= 250
    # The first bad ones by turns: an image that nobody can read, an event that breaks another rule.
    assert len(set(refused) & set(ATTACHMENT_CODES)) >= 5
    assert set(refused) - set(ATTACHMENT_CODES)


def test_a_verdict_has_band_action_cause_and_the_image_as_a_reference(lane: Lane) -> None:
    novelty = SCENARIO.feature_names.index("novelty")
    for record in _messages(lane, "predictions"):
        document = msgspec.json.decode(record.value)
        score = document["score"]
        band = "normal" if score < UNCERTAIN_FROM else "uncertain"
        band = band if score < PNEUMONIA_FROM else "pneumonia"
        assert document["band"] == band
        assert document["attachments"]["image"].startswith("sha256:")
        assert b"base64" not in record.value
        assert (document.get("second_stage") is None) == (band != "pneumonia")
        assert bool(document["reasons"]) == (band != "normal")
        if band == "normal" and document["features"][novelty] < 1.0:
            assert document["action"] == "routine reading"


def test_most_of_the_ill_are_found_and_most_of_the_healthy_left_alone(lane: Lane) -> None:
    findings = [msgspec.json.decode(record.value) for record in _messages(lane, "labels")]
    is_ill = {finding["study_id"]: finding["finding"] == "pneumonia" for finding in findings}
    bands: dict[bool, list[str]] = {True: [], False: []}
    events = {(record.partition, record.offset): record for record in _messages(lane, "events")}
    for record in _messages(lane, "predictions"):
        document = msgspec.json.decode(record.value)
        source = document["source"]
        event = msgspec.json.decode(events[source["partition"], source["offset"]].value)
        if event["study_id"] in is_ill:
            bands[is_ill[event["study_id"]]].append(document["band"])
    assert bands[True].count("normal") <= 0.08 * len(bands[True])
    assert bands[False].count("normal") >= 0.9 * len(bands[False])


def test_all_offsets_add_up(lane: Lane) -> None:
    assert "broken" not in _ended(lane, "reconcile")


def test_verdicts_are_recomputed_from_the_archive_without_a_difference(lane: Lane) -> None:
    # It ends with another code for a single bit.
    _ended(lane, "check_parity", "--share=1", "--all", "--settle=0")
