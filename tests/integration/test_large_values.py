"""Values of any size: no process fails, and what is copied of them is bounded and described."""

import os
from collections.abc import Mapping
from hashlib import sha256

import pytest
from confluent_kafka import KafkaError, Producer
from kafka.admin import ConfigResource, ConfigResourceType

from features.events import reasons
from streaming.messages.dead_letters import KEY_BYTES
from tests.support.delta_rows import live_rows
from tests.support.judgement import DEAD_LETTER_BYTES, drained
from tests.support.lane import EVENTS, MAX_MESSAGE_BYTES, Lane
from tests.support.output_messages import DEAD_LETTERS, OutputMessages
from tests.support.tiny_load import publish
from tests.support.tiny_model import reading

BOMB = bytes(100_000_000)
KEY = b"m 1"
GOOD = reading("m 1", seconds=0, temperature_c=20.0)
LARGE: Mapping[str, tuple[bytes | None, bytes]] = {
    "100 MB of zeros": (KEY, BOMB),
    "9 MB that nothing makes smaller": (KEY, os.urandom(9_000_000)),
    "a value as long as it may be": (KEY, GOOD[:-1] + b" " * (1_048_576 - len(GOOD)) + b"}"),
    "one byte more": (KEY, GOOD[:-1] + b" " * (1_048_577 - len(GOOD)) + b"}"),
    "a key of 9 MB": (bytes(9_000_000), GOOD),
    "both": (bytes(8_000_000), bytes(12_000_000)),
}
FINE = "a value as long as it may be"
OLD_LETTERS = 65


def configure(lane: Lane, topic: str, settings: dict[str, str]) -> None:
    """Give `topic` other settings."""
    with lane.admin() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])


def librdkafka(lane: Lane, codec: str) -> Producer:
    """A client that sends messages of any size."""
    return Producer(
        {
            "bootstrap.servers": lane.servers,
            "compression.type": codec,
            "message.max.bytes": 1_000_000_000,
            "partitioner": "murmur2_random",
            "message.timeout.ms": 60_000,
        }
    )


def sent(
    producer: Producer, topic: str, key: bytes | None, value: bytes
) -> tuple[int, int] | KafkaError:
    """Where the message is, or why the broker did not take it; on its own in its batch."""
    deliveries: list[tuple[int, int] | KafkaError] = []
    producer.produce(
        topic,
        value=value,
        key=key,
        on_delivery=lambda error, message: deliveries.append(
            error or (message.partition(), message.offset())
        ),
    )
    assert producer.flush(60) == 0
    return deliveries[0]


def test_the_broker_refuses_what_its_readers_could_not_hold(lane: Lane) -> None:
    producer = librdkafka(lane, "zstd")
    for value in (BOMB, bytes(MAX_MESSAGE_BYTES + 1)):
        refused = sent(producer, EVENTS, KEY, value)
        assert isinstance(refused, KafkaError)
        assert refused.code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert lane.ends() == {0: 0, 1: 0}
    # More than the broker's own memory: it gives up the one request and lives on.
    assert isinstance(sent(producer, EVENTS, KEY, bytes(600_000_000)), KafkaError)
    assert publish(lane.servers, [(KEY, GOOD)])


@pytest.fixture(scope="module")
def places(lane: Lane) -> Mapping[str, tuple[int, int]]:
    """Where the large events are, on a topic with settings of an older version."""
    configure(lane, EVENTS, {"compression.type": "producer"})
    producer, stored = librdkafka(lane, "zstd"), {}
    for what, (key, value) in LARGE.items():
        place = sent(producer, EVENTS, key, value)
        assert isinstance(place, tuple), place
        stored[what] = place
    return stored


@pytest.fixture(scope="module")
def messages(lane: Lane, places: Mapping[str, tuple[int, int]]) -> OutputMessages:
    """The stream's messages about all events, in one run."""
    job = lane.start_scoring(own_java=True)  # its memory is what is tested
    assert f"warning: topic {EVENTS} has compression.type=producer" in job.output()
    messages = drained(lane)
    assert "restart" not in job.output()
    assert job.terminate() == 143
    return messages


@pytest.mark.parametrize("what", LARGE)
def test_a_large_event_is_told_of_by_its_beginning_length_and_digest(
    places: Mapping[str, tuple[int, int]], messages: OutputMessages, what: str
) -> None:
    key, value = LARGE[what]
    (message,) = messages.outcomes[places[what]]
    if what == FINE:
        assert message.topic == "tiny.predictions"
        return
    headers = {name: text.decode() for name, text in message.headers}
    expected = reasons.TOO_LARGE if len(value) > 1_048_576 else reasons.KEY_MISMATCH
    assert (message.topic, headers["reason_code"]) == (DEAD_LETTERS, expected)
    assert message.value == value[:DEAD_LETTER_BYTES]
    assert message.key == (key and key[:KEY_BYTES])
    for name, whole in (("key", key), ("value", value)):
        assert headers[f"{name}_bytes"] == str(len(whole or b""))
        assert headers[f"{name}_sha256"] == sha256(whole or b"").hexdigest()
    if expected == reasons.TOO_LARGE:
        assert f"the event has {len(value):,} bytes" in headers["reason"]


def test_archive_reconcile_and_erasure_have_memory_for_it(
    lane: Lane, messages: OutputMessages
) -> None:
    configure(lane, DEAD_LETTERS, {"max.message.bytes": "18000000"})
    letters = librdkafka(lane, "lz4")  # as the sink wrote them before they were bounded
    for number in range(OLD_LETTERS):
        value = bytes(2_000_000 + number * 15_000_000 // OLD_LETTERS)
        assert isinstance(sent(letters, DEAD_LETTERS, KEY, value), tuple)
    for name, *arguments in (
        ("archive_stream", "--once"),
        ("reconcile",),
        ("erase_from_memory", "--entity", "m 1", "--reason", "a test", "--yes"),
    ):
        if name == "erase_from_memory":
            check_archived(lane)
        # In a Java of its own: its memory is what is tested, and others have left theirs in the
        # shared one.
        job = lane.run_to_end(name, *arguments, own_java=True)
        assert job.process.returncode == 0, f"{name}: {job.output()[-4000:]}"


def check_archived(lane: Lane) -> None:
    """The archive has every event as it came, or its beginning with its length and digest."""
    rows = live_rows(lane.folder / "delta" / "tiny" / "events", ("key", "value", "headers"))
    rows_by_digest = {sha256(row["value"]).hexdigest(): row for row in rows}
    for key, value in LARGE.values():
        row = rows_by_digest[sha256(value[:MAX_MESSAGE_BYTES]).hexdigest()]
        assert row["key"] == key
        headers = {header["key"]: header["value"].decode() for header in row["headers"] or ()}
        if len(value) > MAX_MESSAGE_BYTES:
            assert headers["value_bytes"] == str(len(value))
            assert headers["value_sha256"] == sha256(value).hexdigest()
    letters = live_rows(lane.folder / "delta" / "tiny" / "dead-letter", ("value",))
    assert (
        sum(len(row["value"]) > 2 * DEAD_LETTER_BYTES - 200_000 for row in letters) == OLD_LETTERS
    )


WRONG = (
    (EVENTS, "cleanup.policy", "compact,delete"),
    (EVENTS, "message.timestamp.type", "CreateTime"),
    (DEAD_LETTERS, "max.message.bytes", "1000000"),
    ("tiny.predictions", "max.message.bytes", "1000"),
)


def test_topics_that_would_break_a_promise_are_refused_at_the_start_by_name(lane: Lane) -> None:
    for topic, name, value in WRONG:
        configure(lane, topic, {name: value})
    job = lane.run_to_end("score_stream")
    assert job.process.returncode == 4, job.output()
    output = " ".join(job.output().split())
    for topic, name, value in WRONG:
        assert f"topic {topic} has {name}={value}, needed is" in output
    assert f"topic {EVENTS} has compression" not in output
    # The command that it names works, and says what it did.
    assert "prepare_scenario --scenario tiny --alter-topics" in output
    altered = lane.run_to_end("prepare_scenario", "--alter-topics")
    assert altered.process.returncode == 0, altered.output()
    output = " ".join(altered.output().split())
    for topic, name, value in WRONG:
        assert f"topic {topic}: {name} was {value}, is" in output
    # Compacted labels are refused as well, by who reads them.
    configure(lane, "tiny.labels", {"cleanup.policy": "compact"})
    refused = lane.run_to_end("archive_stream", "--once")
    assert refused.process.returncode == 4, refused.output()
    assert "topic tiny.labels has cleanup.policy=compact" in " ".join(refused.output().split())
    assert lane.run_to_end("prepare_scenario", "--alter-topics").process.returncode == 0
    assert lane.run_to_end("prepare_scenario").process.returncode == 0
