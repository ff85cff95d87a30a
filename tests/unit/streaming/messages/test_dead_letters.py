"""A dead letter repeats a bounded part of a refused event, with length and digest of the whole."""

from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest

from features.events import reasons
from features.events.arrow_records import CUT_COLUMNS, RECORD_COLUMNS
from features.events.decode import EventDecoder, Records
from features.events.reasons import Refusal
from streaming.messages.dead_letters import KEY_BYTES, add_dead_letters
from streaming.passes.batches import Batch, batch_of
from streaming.passes.output import Output
from tests.scenarios.tiny import SCENARIO
from tests.support.output_messages import Message, messages_in

MOST_BYTES = 5_000


def letter(batch: Batch, refusal: Refusal) -> Message:
    """The dead letter of one refused event."""
    output = Output()
    add_dead_letters(
        output,
        batch,
        [refusal],
        topic="tiny.dead-letter",
        source_topic="tiny.events",
        epoch=3,
        most_bytes=MOST_BYTES,
    )
    (message,) = messages_in(output.table())
    return message


def batch(key: bytes | None, value: bytes | None) -> Batch:
    """One record at offset 7 of partition 1."""
    return Batch(Records([key], [value], np.array([7]), np.array([1_000])), 1)


@pytest.mark.parametrize("key", [None, b"", b"m 1", b"k" * KEY_BYTES, b"k" * (KEY_BYTES + 1)])
@pytest.mark.parametrize(
    "value", [None, b"", b"{}", b"v" * MOST_BYTES, b"v" * (MOST_BYTES + 1), bytes(100_000)]
)
def test_what_it_repeats_is_bounded_and_length_and_digest_are_those_of_the_original(
    key: bytes | None, value: bytes | None
) -> None:
    message = letter(batch(key, value), Refusal(0, "too_large", "s" * 100_000))
    headers = {name: text.decode() for name, text in message.headers}
    assert message.key == (key if key is None else key[:KEY_BYTES])
    assert message.value == (value if value is None else value[:MOST_BYTES])
    for name, whole in (("key", key), ("value", value)):
        length, digest = headers.get(f"{name}_bytes"), headers.get(f"{name}_sha256")
        if whole is None:
            assert (length, digest) == (None, None)
        else:
            assert (length, digest) == (str(len(whole)), sha256(whole).hexdigest())
    assert (headers["source_partition"], headers["source_offset"]) == ("1", "7")
    repeated = sum(len(part) for part in (message.key or b"", message.value or b""))
    assert repeated + sum(len(text) for text in headers.values()) < MOST_BYTES + KEY_BYTES + 2_000


def test_what_a_reader_has_cut_is_told_as_it_was() -> None:
    whole = {"key": b"k" * 9_000, "value": bytes(50_000)}
    begin = {"key": whole["key"][:KEY_BYTES], "value": whole["value"][:20_000]}
    record = {"partition": 1, "offset": 7, "timestamp": np.datetime64(1, "s"), **begin}
    for name, original in whole.items():
        record |= {f"{name}_bytes": len(original), f"{name}_sha256": sha256(original).hexdigest()}
    good = {**record, "offset": 8, "key": b"m", "value": b"{}", **dict.fromkeys(CUT_COLUMNS)}
    names = (*RECORD_COLUMNS, *CUT_COLUMNS)
    arrow = pa.RecordBatch.from_pydict({n: [record[n], good[n]] for n in names})
    arrow_batch = batch_of(arrow)
    decoder = EventDecoder(SCENARIO.schema, max_event_bytes=10_000, max_future_skew_seconds=300)
    refusal, malformed = decoder.decode(arrow_batch.records).refusals
    assert (refusal.code, malformed.code) == (reasons.TOO_LARGE, reasons.MISSING_FIELD)
    assert refusal.sentence == "the event has 50,000 bytes; allowed are 10,000"
    headers = {name: text.decode() for name, text in letter(arrow_batch, refusal).headers}
    assert (headers["key_bytes"], headers["value_bytes"]) == ("9000", "50000")
    assert headers["value_sha256"] == sha256(whole["value"]).hexdigest()
    headers = {name: text.decode() for name, text in letter(arrow_batch, malformed).headers}
    assert (headers["key_bytes"], headers["value_sha256"]) == ("1", sha256(b"{}").hexdigest())
