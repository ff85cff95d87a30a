"""Archived events refer to their pictures; refolded they give the same features to the bit."""

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.attachments import NothingStored
from features.events.decode import EventDecoder, Events, Records
from features.events.partitioners import Layout
from features.events.references import with_references
from features.schema import EventSchema, EventType
from stores.hbase.attachments import AttachmentPlace
from stores.hbase.stamps import stamp
from streaming.archive.references import AttachmentArchiving, ReferencedRecords
from tests.scenarios.leaves import LEAF, NUMBER, SCENARIO
from tests.support.attachments import MemoryAttachmentStore, attachments_in_memory
from tests.support.leaf_model import ARRIVED_MS, leaf, picture_event

ARCHIVED = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("epoch", pa.int32()),
        ("kafka_time", pa.timestamp("us", tz="UTC")),
        ("key", pa.binary()),
        ("value", pa.binary()),
    ]
)


def archived(
    values: Iterable[bytes | None], place: AttachmentPlace, *, layout: Layout | None = None
) -> list[bytes | None]:
    """The values of partition 0 as they are archived."""
    rows = [
        {
            "partition": 0,
            "offset": offset,
            "epoch": 1,
            "kafka_time": ARRIVED_MS * 1000,
            "key": b"a",
            "value": value,
        }
        for offset, value in enumerate(values)
    ]
    task = ReferencedRecords(
        "leaves",
        SCENARIO.schema,
        AttachmentArchiving(place=place, max_event_bytes=1 << 20, max_future_skew_seconds=300.0),
        layout or Layout(partitioner="murmur2", partitions=1),
    )
    batch = pa.RecordBatch.from_pylist(rows, schema=ARCHIVED)
    return [value for part in task(iter([batch])) for value in part.column("value").to_pylist()]


def decoded(
    values: Iterable[bytes | None],
    place: AttachmentPlace | None = None,
    schema: EventSchema = SCENARIO.schema,
) -> Events:
    raw = list(values)
    decoder = EventDecoder(
        schema,
        max_event_bytes=1 << 20,
        max_future_skew_seconds=300,
        attachments=place.source() if place is not None else NothingStored(),
    )
    keys = [b"a"] * len(raw)
    arrived = np.full(len(raw), ARRIVED_MS)
    return decoder.decode(Records(keys, raw, np.arange(len(raw)), arrived))


def test_contents_become_references_and_give_the_same_features() -> None:
    store = MemoryAttachmentStore()
    place = attachments_in_memory(store)
    came = [picture_event("a", at, leaf(at % 3)) for at in range(5)]
    stored = archived(came, place)
    assert [len(value or b"") < 250 for value in stored] == [True] * 5
    documents = [json.loads(value or b"") for value in stored]
    assert len({document["leaf"] for document in documents}) == 3
    again = decoded(stored, place)
    assert np.array_equal(again.values, decoded(came).values)
    assert (again.entities, again.refusals) == (["a"] * 5, [])
    (reference,) = place.table().referring(documents[4]["leaf"].removeprefix("sha256:"))
    assert (reference.entity, reference.position) == ("a", stamp(1, 4))
    # What is archived already stays as it is.
    assert archived(stored, place) == stored


def test_refused_events_stay_as_they_came() -> None:
    store = MemoryAttachmentStore()
    half = picture_event("a", 0, leaf(1)[:200])
    fraction = picture_event("a", 0, leaf(1)).replace(b'"number": 0', b'"number": 0.5')
    another = picture_event("b", 0, leaf(1))
    came = [b"{", None, half, fraction, another, b'{"type": "picture"}']
    assert archived(came, attachments_in_memory(store)) == came
    assert store.rows == {}


def test_an_event_outside_its_home_stays_as_it_came() -> None:
    elsewhere = Layout(partitioner="murmur2", partitions=7)
    came = [picture_event("a", 0, leaf(1))]
    assert decoded(came).refusals == []
    assert archived(came, attachments_in_memory(), layout=elsewhere) == came


def test_nothing_but_the_string_changes() -> None:
    text = leaf(1)
    spaced = '{ "leaf" :  "%s" ,"\\u006eumber":7,"type":"picture" , "é": "%s", "plant":"a",\n'
    raw = spaced % (text.replace("/", "\\/"), text) + '"event_time":"2026-05-01T00:00:00Z" }\n'
    (stored,) = archived([raw.encode()], attachments_in_memory())
    assert stored is not None
    reference = json.loads(stored)["leaf"]
    expected = spaced % (reference, text) + '"event_time":"2026-05-01T00:00:00Z" }\n'
    assert stored == expected.encode()


def test_of_several_attachments_each_gets_its_own_reference() -> None:
    back = replace(LEAF, name="back", required=False)
    under = replace(LEAF, name="under", required=False)
    event_type = EventType(name="picture", meaning="", fields=(LEAF, NUMBER, back, under))
    schema = EventSchema(entity_field="plant", types=(event_type,))
    event = json.loads(picture_event("a", 0, leaf(1)))
    event = {"under": leaf(2), **event}
    raw = json.dumps(event).encode()
    attached = decoded([raw], schema=schema).attached
    readings = {one.field: one.reading for one in attached}
    stored = json.loads(with_references(raw, readings))
    assert list(stored) == list(event)
    references = {field: reading.content.reference for field, reading in readings.items()}
    assert {field: stored[field] for field in ("leaf", "under")} == references
    old = {field: replace(reading, is_new=False) for field, reading in readings.items()}
    assert with_references(raw, old) == raw


def test_an_event_that_is_none_cannot_be_spliced() -> None:
    with pytest.raises(ValueError, match="malformed_json"):
        with_references(b"{", {})
