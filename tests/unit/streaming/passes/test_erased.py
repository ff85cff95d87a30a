"""The pass after an erasure: older events are refused without their content, newer ones count."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np

from features.events import reasons
from features.events.decode import EventDecoder, Records
from stores.hbase.stamps import stamp
from stores.hbase.states import StateTable
from stores.records.erasures import ErasedEntities, Erasure, mark_of
from streaming.messages.dead_letters import add_dead_letters
from streaming.passes.batches import Batch
from streaming.passes.erased import NobodyErased, TableWithoutErased, without_erased
from streaming.passes.output import Output
from streaming.scoring.models_in_use import InUse, ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_archive import MemoryTable, OneModel, StoredModels
from tests.support.tiny_model import reading, save_tiny_model, tiny_deployment
from tests.support.tiny_pass import tiny_settings

BEGUN_MS = 1_767_225_600_000  # the readings' second 0


def erased_from(first: int) -> ErasedEntities:
    moment = datetime.fromtimestamp(BEGUN_MS / 1000, UTC).isoformat(timespec="milliseconds")
    marks = (mark_of("m1", "s"),)
    erasure = Erasure(
        id="1", salt="s", marks=marks, reason="", begun_at=moment, epoch=1, first_offsets={0: first}
    )
    return ErasedEntities((erasure,))


def batch(*events: tuple[str, int], offset: int = 0) -> Batch:
    """Events of machines, dated so many seconds after the erasure, from `offset` on."""
    records = Records(
        keys=[name.encode() for name, _ in events],
        values=[reading(name, seconds=at, temperature_c=20.0) for name, at in events],
        offsets=np.arange(offset, offset + len(events)),
        timestamps_ms=np.full(len(events), BEGUN_MS + 60_000),
    )
    return Batch(records, 0)


def decoder() -> EventDecoder:
    return EventDecoder(SCENARIO.schema, max_event_bytes=10_000, max_future_skew_seconds=300)


def test_events_from_before_the_erasure_become_refusals_in_offset_order() -> None:
    arrivals = batch(("m2", -5), ("m1", 5), ("m1", 5), ("m1", -5), ("m2", 5))
    events = without_erased(decoder().decode(arrivals.records), erased_from(2), arrivals, epoch=1)
    assert events.rows.tolist() == [0, 2, 4]
    assert events.entities == ["m2", "m1", "m2"]
    assert (len(events.values), len(events.times_ms), len(events.type_codes)) == (3, 3, 3)
    assert [(refusal.row, refusal.code) for refusal in events.refusals] == [
        (1, reasons.ERASED),
        (3, reasons.ERASED),
    ]


def test_nothing_changes_for_others_and_before_any_erasure() -> None:
    arrivals = batch(("m2", -5), ("m3", 5))
    events = decoder().decode(arrivals.records)
    assert without_erased(events, erased_from(9), arrivals, epoch=1) is events
    assert without_erased(events, ErasedEntities(), arrivals, epoch=1) is events


def test_the_dead_letter_of_an_erased_event_repeats_neither_key_nor_value() -> None:
    arrivals = batch(("m1", -5))
    events = without_erased(decoder().decode(arrivals.records), erased_from(9), arrivals, epoch=1)
    output = Output()
    add_dead_letters(
        output,
        arrivals,
        events.refusals,
        topic="tiny.dead-letter",
        source_topic="tiny.events",
        most_bytes=1_000,
        epoch=1,
    )
    (letter,) = output.table().to_pylist()
    assert (letter["key"], letter["value"]) == (None, None)
    headers = {header["key"]: header["value"] for header in letter["headers"]}
    assert headers["reason_code"] == b"erased"
    assert b"m1" not in b"".join(headers.values())


def test_a_state_from_before_the_erasure_is_not_seen_and_a_later_one_is() -> None:
    codec, memory = SCENARIO.codec, MemoryTable()
    state = codec.decode([None, None])
    state.events[:], state.partition[:] = 1, 0
    state.first_stamp[:], state.last_stamp[:] = stamp(1, 3), stamp(1, 3)
    old, other = codec.encode(state)
    state.first_stamp[:], state.last_stamp[:] = stamp(1, 8), stamp(1, 8)
    new, _ = codec.encode(state)
    memory.write(["m1", "m2"], [old, other], None, position=stamp(1, 3))
    nobody = NobodyErased(erased_entities=erased_from(5))
    table = TableWithoutErased(cast(StateTable, memory), nobody, codec)
    assert table.newest(["m1", "m2", "m3"]) == [None, other, None]
    assert table.below(["m1", "m2"], partition=0, position=stamp(1, 9))[0] == [None, other]
    memory.write(["m1"], [new], None, position=stamp(1, 8))
    assert table.newest(["m1"]) == [new]


def scoring_pass(folder: Path, memory: MemoryTable, erasures: NobodyErased) -> ScoringPass:
    """The real pass over states in memory, with a trained model."""
    pointer = save_tiny_model(folder)
    model = StoredModels({pointer.version: pointer})(pointer.version)
    settings = tiny_settings()
    models = OneModel(InUse(tiny_deployment(pointer), model, None))
    return ScoringPass(
        settings,
        SCENARIO,
        cast(StateTable, memory),
        cast(ModelsInUse, models),
        SecondEntityReader(SCENARIO, []),
        erasures=erasures,
    )


def outcomes(scoring: ScoringPass, arrivals: Batch) -> list[tuple[str, bytes | None]]:
    """Topic and key of everything that the pass sends for a batch, but reviews."""
    messages = scoring.process(arrivals).to_pylist()
    return [
        (message["topic"], message["key"])
        for message in messages
        if message["topic"] != "tiny.review"
    ]


def test_the_pass_begins_an_erased_entity_from_empty_and_answers_its_older_events(
    tmp_path: Path,
) -> None:
    memory, erasures = MemoryTable(), NobodyErased()
    scoring = scoring_pass(tmp_path, memory, erasures)
    assert outcomes(scoring, batch(("m1", -9), ("m2", -9), ("m1", -8))) == [
        ("tiny.predictions", b"m1"),
        ("tiny.predictions", b"m2"),
        ("tiny.predictions", b"m1"),
    ]
    erasures.erased_entities = erased_from(3)
    again = batch(("m1", 5), ("m1", -7), ("m2", 5), offset=3)
    assert outcomes(scoring, again) == [
        ("tiny.predictions", b"m1"),
        ("tiny.predictions", b"m2"),
        ("tiny.dead-letter", None),
    ]
    first, second = SCENARIO.codec.decode(memory.newest(["m1", "m2"])).events.tolist()
    assert (first, second) == (1, 2)
