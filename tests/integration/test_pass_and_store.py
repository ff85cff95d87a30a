"""The pass over a real HBase: replays change nothing, states that would be misread are refused."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from features.events.decode import Records
from models.formats.artifact import folder_sha256
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.keys import row_key
from stores.hbase.predictions import reader
from stores.hbase.stamps import stamp
from stores.hbase.states import StateTable
from stores.hbase.tables import LATEST, STATE
from stores.records.control import load_failures
from stores.records.deployments import ModelPointer
from stores.records.epochs import EpochRecord, write_epoch
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.position.refusals import (
    EpochChanged,
    NoModel,
    StateUnreadable,
    StoreBehind,
    TrimmedHistory,
)
from streaming.position.resume import batch_end_before
from streaming.scoring.models_in_use import ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.integration.conftest import STATE_VERSIONS
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import deploy, reading, save_tiny_model

ARRIVED_MS = 1_800_000_000_000
MACHINES = 7


@pytest.fixture(scope="session")
def pointer(tmp_path_factory: pytest.TempPathFactory) -> ModelPointer:
    """A trained tiny model."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "1")


@pytest.fixture
def scoring(store: HBaseStore, pointer: ModelPointer) -> ScoringPass:
    """A pass over an empty store with a deployed model."""
    deploy(store, pointer)
    return new_pass(store)


def new_pass(store: HBaseStore, *, epoch: int = 1, first: int = 0) -> ScoringPass:
    """A pass as a fresh worker makes it."""
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=store,
        epoch=epoch,
        first_offsets={0: first},
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=20,
        reread_seconds=0.0,
        reload_seconds=0.0,
    )
    session = Session(store, retry_seconds=20.0)
    models = ModelsInUse(settings, session, SCENARIO)
    table, second = StateTable(session, "tiny"), SecondEntityReader(SCENARIO, [])
    return ScoringPass(settings, SCENARIO, table, models, second)


def epoch_record(*, epoch: int) -> EpochRecord:
    """An epoch of a topic with one partition, from offset 0."""
    return EpochRecord(
        epoch=epoch,
        topic="tiny.events",
        topic_id="some id",
        partitions=1,
        first_offsets={0: 0},
        reason="a test",
        begun_at="2026-01-01T00:00:00+00:00",
    )


def batch(begin: int, end: int, *, bad: Sequence[int] = ()) -> Batch:
    """Records with offsets begin to end - 1; those in `bad` are no events."""
    offsets = range(begin, end)
    ids = [f"machine {offset % MACHINES}" for offset in offsets]
    values: list[bytes | None] = [
        b"{bad" if offset in bad else reading(id_, seconds=offset, temperature_c=offset * 37 % 150)
        for id_, offset in zip(ids, offsets, strict=True)
    ]
    keys: list[bytes | None] = [id_.encode() for id_ in ids]
    records = Records(keys, values, np.array(offsets), np.full(len(ids), ARRIVED_MS))
    return Batch(records, 0)


def cells(session: Session) -> dict[bytes, dict[bytes, bytes]]:
    """All newest cells but the markers."""

    def scanned(connection: Any) -> Any:
        return connection.table("tiny").scan(columns=[STATE, LATEST])

    return dict(session.call(lambda connection: list(scanned(connection))))


def test_replays_with_other_batch_sizes_change_not_one_byte(
    scoring: ScoringPass, session: Session
) -> None:
    for begin in range(0, 60, 20):
        scoring.process(batch(begin, begin + 20, bad=[5, 33]))
    before = cells(session)
    assert len(before) == MACHINES
    for begin in range(20, 60, 8):
        scoring.process(batch(begin, begin + 8, bad=[5, 33]))
    assert cells(session) == before


def test_an_older_pass_that_still_runs_does_not_undo_newer_rows(
    scoring: ScoringPass, store: HBaseStore, session: Session
) -> None:
    scoring.process(batch(0, 20))
    for begin in (20, 30, 40):
        scoring.process(batch(begin, begin + 10))
    before = cells(session)
    new_pass(store).process(batch(20, 30))
    assert cells(session) == before


def test_a_replay_repeats_messages_byte_for_byte(scoring: ScoringPass) -> None:
    scoring.process(batch(0, 20))
    first = scoring.process(batch(20, 40, bad=[25]))
    again = scoring.process(batch(20, 40, bad=[25]))
    assert first.equals(again)
    assert first.num_rows >= 20


def test_several_events_of_one_entity_are_folded_in_offset_order(
    scoring: ScoringPass, store: HBaseStore
) -> None:
    scoring.process(batch(0, 21))
    with reader(store, "tiny") as rows:
        latest = rows.latest("machine 0")
        assert rows.latest("no such machine") is None
        assert set(rows.latest_many(["machine 0", "machine 1", "nobody"])) == {
            "machine 0",
            "machine 1",
        }
        assert {prediction.entity for prediction in rows.scan()} == {
            f"machine {n}" for n in range(MACHINES)
        }
        assert all(prediction.band == "hot" for prediction in rows.scan(band="hot"))
    assert latest is not None
    assert latest.source.offset == 14
    assert latest.prediction_id == "tiny-1-0-14-v1"


def test_reasons_are_told_only_where_the_band_needs_them(
    scoring: ScoringPass, store: HBaseStore
) -> None:
    scoring.process(batch(0, 70))
    with reader(store, "tiny") as rows:
        predictions = list(rows.scan())
    assert {prediction.band for prediction in predictions} == {"ok", "hot"}
    for prediction in predictions:
        assert bool(prediction.reasons) == (prediction.band == "hot")
        assert prediction.review == (prediction.action == "stop at once")


def test_a_bad_event_changes_no_row_and_keeps_its_bytes(
    scoring: ScoringPass, session: Session
) -> None:
    scoring.process(batch(0, 7))
    before = cells(session)
    messages = scoring.process(batch(7, 14, bad=range(7, 14))).to_pylist()
    assert cells(session) == before
    assert {row["topic"] for row in messages} == {"tiny.dead-letter"}
    assert messages[0]["value"] == b"{bad"
    headers = {header["key"]: header["value"].decode() for header in messages[0]["headers"]}
    assert headers["reason_code"] == "malformed_json"
    assert (headers["source_partition"], headers["source_offset"]) == ("0", "7")


def test_an_event_without_the_required_feature_is_folded_but_suppressed(
    scoring: ScoringPass, session: Session
) -> None:
    raw = b'{"type":"repair","machine":"m","event_time":"2026-01-01T00:00:00Z","parts":2}'
    records = Records([b"m"], [raw], np.array([0]), np.array([ARRIVED_MS]))
    (row,) = scoring.process(Batch(records, 0)).to_pylist()
    assert msgspec.json.decode(row["value"])["suppressed"] == "awaiting_temperature_c"
    assert set(cells(session)[row_key("m")]) == {STATE}


def test_a_start_between_batch_ends_is_refused(scoring: ScoringPass, session: Session) -> None:
    scoring.process(batch(0, 20))
    before = cells(session)
    with pytest.raises(StoreBehind, match=r"begins at offset 10 .* ended at none"):
        scoring.process(batch(10, 30))
    assert cells(session) == before


def test_a_store_that_forgot_a_batch_is_noticed(scoring: ScoringPass) -> None:
    scoring.process(batch(0, 20))
    with pytest.raises(StoreBehind, match=r"begins at offset 40 .* ended at 20"):
        scoring.process(batch(40, 60))


def test_an_entity_without_kept_history_is_refused_not_started_from_empty(
    scoring: ScoringPass, session: Session
) -> None:
    for begin in range(0, 35, 7):
        scoring.process(batch(begin, begin + 7))
    session.call(  # as a compaction does that keeps the newest versions only
        lambda connection: connection.table("tiny").delete(
            row_key("machine 0"), columns=[STATE], timestamp=stamp(1, 21)
        )
    )
    before = cells(session)
    with pytest.raises(TrimmedHistory, match="rebuild_state --scenario tiny"):
        scoring.process(batch(14, 21))
    assert cells(session) == before


def test_a_replay_begins_at_a_batch_end_and_only_as_deep_as_all_versions_are_kept(
    scoring: ScoringPass, session: Session
) -> None:
    batches = STATE_VERSIONS + 5
    for begin in range(0, 7 * batches, 7):
        scoring.process(batch(begin, begin + 7))
    table = StateTable(session, "tiny")
    record = epoch_record(epoch=1)

    def begins_at(offset: int) -> int:
        return batch_end_before(table, record, partition=0, offset=offset)

    assert begins_at(7 * batches) == 7 * batches
    assert begins_at(7 * batches - 1) == 7 * (batches - 1)
    deepest = 7 * (batches - STATE_VERSIONS + 1)
    assert begins_at(deepest + 3) == deepest
    with pytest.raises(TrimmedHistory, match=f"oldest possible is {deepest}"):
        begins_at(deepest - 1)


def test_states_of_other_definitions_are_refused_not_misread(
    scoring: ScoringPass, session: Session
) -> None:
    scoring.process(batch(0, 7))
    cell = cells(session)[row_key("machine 0")][STATE]
    damaged = cell[:2] + bytes(8) + cell[10:]
    session.call(
        lambda connection: connection.table("tiny").put(
            row_key("machine 0"), {STATE: damaged}, timestamp=stamp(1, 6)
        )
    )
    with pytest.raises(StateUnreadable, match=r"definitions 0000000000000000.*rebuild_state"):
        scoring.process(batch(7, 14))


def test_a_new_epoch_goes_on_from_the_old_states_and_fences_the_old_pass(
    scoring: ScoringPass, store: HBaseStore, session: Session
) -> None:
    scoring.process(batch(0, 14))
    write_epoch(session, "tiny", epoch_record(epoch=2))
    with pytest.raises(EpochChanged, match="epoch 2 began"):
        scoring.process(batch(14, 21))
    new_pass(store, epoch=2).process(batch(0, 7))
    with reader(store, "tiny") as rows:
        latest = rows.latest("machine 0")
    assert latest is not None
    assert latest.prediction_id == "tiny-2-0-0-v1"
    states = SCENARIO.codec.decode([cells(session)[row_key("machine 0")][STATE]])
    assert states.events.tolist() == [3]


@pytest.mark.parametrize("fault", ["missing", "corrupt", "columns"])
def test_a_version_that_cannot_be_loaded_leaves_the_old_one_scoring(
    scoring: ScoringPass,
    store: HBaseStore,
    session: Session,
    tmp_path: Path,
    fault: str,
) -> None:
    scoring.process(batch(0, 7))
    faulty = save_tiny_model(tmp_path / "2", seed=2)
    if fault == "missing":
        faulty = replace(faulty, artifact_uri=str(tmp_path / "nowhere"))
    elif fault == "corrupt":
        (tmp_path / "2" / "model.skops").write_bytes(b"not a model")
    else:
        faulty = with_foreign_columns(tmp_path / "2", faulty)
    deploy(store, faulty)
    scoring.process(batch(7, 14))
    with reader(store, "tiny") as rows:
        latest = rows.latest("machine 0")
    assert latest is not None
    assert (latest.model.version, latest.source.offset) == ("1", 7)
    count, failure = load_failures(session, "tiny")
    assert count >= 1
    assert failure is not None
    assert failure.version == "2"
    deploy(store, save_tiny_model(tmp_path / "3", seed=3))
    scoring.process(batch(14, 21))
    with reader(store, "tiny") as rows:
        latest = rows.latest("machine 0")
    assert latest is not None
    assert latest.model.version == "3"


def with_foreign_columns(folder: Path, pointer: ModelPointer) -> ModelPointer:
    """The model in `folder`, changed to need a feature that the scenario lacks."""
    card = msgspec.json.decode((folder / "card.json").read_bytes())
    card["feature_names"][0] = "shoe_size"
    (folder / "card.json").write_bytes(msgspec.json.encode(card))
    return replace(pointer, sha256=folder_sha256(folder))


def test_without_any_model_the_pass_refuses_and_says_what_to_run(
    new_store: Callable[[], HBaseStore],
) -> None:
    with pytest.raises(NoModel, match="train_model --scenario tiny"):
        new_pass(new_store()).process(batch(0, 7))
