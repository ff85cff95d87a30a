"""A region that is lost, or comes back as it was some time ago, is noticed by its marker."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from features.events.decode import Records
from local.endpoints import Endpoints
from local.tables import Family, TableSpec, create_tables
from stores.hbase.connection import HBaseStore, Session, TableMissing
from stores.hbase.keys import row_key
from stores.hbase.region_markers import open_epoch, region_prefixes
from stores.hbase.stamps import stamp
from stores.hbase.states import StateTable, newest_cells
from stores.hbase.tables import table_specs
from stores.records.epochs import EpochRecord, read_epoch, write_epoch
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.position.checkpoints import Checkpoints
from streaming.position.refusals import StatesLost, StoreBehind
from streaming.position.resume import batch_end_before, with_all_markers
from streaming.recent.states import SharedMemory
from streaming.recent.table import RememberedTable
from streaming.scoring.models_in_use import ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.integration.conftest import STATE_VERSIONS
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import deploy, reading, save_tiny_model

REGIONS = 4
PREFIXES = ("40", "80", "c0")
STORES = 13
MACHINES = 40
ARRIVED_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def split_stores(platform: Endpoints) -> list[HBaseStore]:
    """Stores whose tables have four regions."""
    names = [f"split{number}" for number in range(STORES)]
    specs = table_specs("tiny", regions=REGIONS, state_versions=STATE_VERSIONS)
    create_tables(
        platform,
        [
            TableSpec(f"{name}:{spec.name}", [Family(f, n) for f, n in spec.versions], spec.splits)
            for name in names
            for spec in specs
        ],
    )
    host, port = platform.hbase_thrift_host, platform.hbase_thrift_port
    return [HBaseStore(host, port, name) for name in names]


@pytest.fixture
def store(split_stores: list[HBaseStore], tmp_path: Path) -> HBaseStore:
    """An empty store with a deployed model."""
    empty_store = split_stores.pop()
    deploy(empty_store, save_tiny_model(tmp_path / "1"))
    return empty_store


@pytest.fixture
def session(store: HBaseStore) -> Any:
    """A session over `store`."""
    opened = Session(store, retry_seconds=20.0)
    yield opened
    opened.close()


def record(*, epoch: int = 1, first: int = 0) -> EpochRecord:
    """An epoch of a topic with one partition."""
    return EpochRecord(
        epoch=epoch,
        topic="tiny.events",
        topic_id="some id",
        partitions=1,
        first_offsets={0: first},
        reason="a test",
        begun_at="2026-01-01T00:00:00+00:00",
    )


def new_pass(
    store: HBaseStore, epoch: EpochRecord, *, regions: tuple[str, ...] | None = None
) -> ScoringPass:
    """A pass in `epoch`; `regions` where it writes others than it should."""
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=store,
        epoch=epoch.epoch,
        first_offsets=epoch.first_offsets,
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=20,
        regions=epoch.regions,
    )
    session = Session(store, retry_seconds=20.0)
    written = epoch.regions or () if regions is None else regions
    stored = StateTable(session, "tiny", written)
    table = RememberedTable(stored, settings, SharedMemory())  # as a worker has it
    models, second = ModelsInUse(settings, session, SCENARIO), SecondEntityReader(SCENARIO, [])
    return ScoringPass(settings, SCENARIO, table, models, second)


def batch(begin: int, end: int) -> Batch:
    """Readings with offsets begin to end - 1."""
    offsets = range(begin, end)
    ids = [f"machine {offset % MACHINES}" for offset in offsets]
    values: list[bytes | None] = [
        reading(id_, seconds=offset, temperature_c=offset * 37 % 150)
        for id_, offset in zip(ids, offsets, strict=True)
    ]
    keys: list[bytes | None] = [id_.encode() for id_ in ids]
    return Batch(Records(keys, values, np.array(offsets), np.full(len(ids), ARRIVED_MS)), 0)


def lose(session: Session, *, begin: bytes, end: bytes | None) -> None:
    """Remove all rows of [begin, end), as when a region's files are gone."""

    def delete_all(connection: Any) -> None:
        table = connection.table("tiny")
        for key, _ in list(table.scan(row_start=begin, row_stop=end)):
            table.delete(key, timestamp=stamp(1 << 10, 0))

    session.call(delete_all)


def where_to_begin(session: Session, epoch: EpochRecord, *, offset: int) -> int:
    """Where a stream goes on whose checkpoint says `offset`."""
    table = StateTable(session, "tiny", epoch.regions or ())
    return batch_end_before(table, epoch, partition=0, offset=offset)


def test_every_region_has_a_marker_from_the_epochs_beginning_on(
    store: HBaseStore, session: Session
) -> None:
    assert region_prefixes(session, "tiny") == PREFIXES
    epoch = open_epoch(session, "tiny", record())
    assert epoch.regions == PREFIXES
    assert read_epoch(session, "tiny") == epoch
    assert where_to_begin(session, epoch, offset=0) == 0
    scoring = new_pass(store, epoch)
    scoring.process(batch(0, 40))
    scoring.process(batch(40, 80))
    stamps = StateTable(session, "tiny", PREFIXES).region_stamps(0, limit=10)
    assert stamps == {prefix: {stamp(1, 0) - 1, stamp(1, 39), stamp(1, 79)} for prefix in PREFIXES}
    assert {key[:3] for key in newest_cells(store, "tiny")} == {
        row_key(f"machine {number}")[:3] for number in range(MACHINES)
    }


@pytest.mark.parametrize(
    ("begin", "end"), [(b"", b"40"), (b"80", b"c0"), (b"c0", None), (b"", None)]
)
def test_a_lost_region_is_noticed_by_a_running_stream_and_refused_at_the_start(
    store: HBaseStore, session: Session, begin: bytes, end: bytes | None
) -> None:
    epoch = open_epoch(session, "tiny", record(epoch=2, first=100))
    scoring = new_pass(store, epoch)
    scoring.process(batch(100, 140))
    lose(session, begin=begin, end=end)
    with pytest.raises(StoreBehind, match="last batch before it in the store ended at none"):
        scoring.process(batch(140, 180))
    with pytest.raises(StatesLost, match="rebuild_state --scenario tiny"):
        where_to_begin(session, epoch, offset=140)


def test_a_region_that_forgot_its_last_batches_takes_the_stream_back_to_them(
    store: HBaseStore, session: Session
) -> None:
    epoch = open_epoch(session, "tiny", record())
    scoring = new_pass(store, epoch)
    for begin in (0, 40):
        scoring.process(batch(begin, begin + 40))
    # What a region server acknowledged and lost: the marker of "80" stays behind.
    forgetting = new_pass(store, epoch, regions=("40", "c0"))
    for begin in (80, 120):
        forgetting.process(batch(begin, begin + 40))
    before = newest_cells(store, "tiny")
    with pytest.raises(StoreBehind, match="last batch before it in the store ended at 80"):
        scoring.process(batch(160, 200))
    assert where_to_begin(session, epoch, offset=160) == 80
    for begin in (80, 120, 160):
        scoring.process(batch(begin, begin + 40))
    assert where_to_begin(session, epoch, offset=200) == 200
    after = newest_cells(store, "tiny")
    new_pass(store, epoch).process(batch(160, 200))
    assert newest_cells(store, "tiny") == after != before


def test_a_region_that_is_older_than_what_is_kept_of_the_others_is_refused(
    store: HBaseStore, session: Session
) -> None:
    epoch = open_epoch(session, "tiny", record())
    new_pass(store, epoch).process(batch(0, 40))
    forgetting = new_pass(store, epoch, regions=("40", "c0"))
    for number in range(STATE_VERSIONS):
        forgetting.process(batch(40 + number, 41 + number))
    with pytest.raises(StatesLost, match="rebuild_state --scenario tiny"):
        where_to_begin(session, epoch, offset=40 + STATE_VERSIONS)


def test_a_table_of_before_gets_its_markers_and_the_checkpoint_may_lag_behind(
    store: HBaseStore, session: Session, tmp_path: Path
) -> None:
    write_epoch(session, "tiny", record())
    before = new_pass(store, record())
    for begin in (0, 40, 80):
        before.process(batch(begin, begin + 40))
    lines: list[str] = []
    epoch = with_all_markers(session, record(), no_checkpoints(tmp_path), log=lines.append)
    assert epoch.regions == PREFIXES
    assert read_epoch(session, "tiny") == epoch
    assert "40, 80, c0" in lines[0]
    assert where_to_begin(session, epoch, offset=80) == 80
    new_pass(store, epoch).process(batch(80, 120))
    new_pass(store, epoch).process(batch(120, 160))
    assert with_all_markers(session, epoch, no_checkpoints(tmp_path), log=lines.append) == epoch
    assert len(lines) == 1


def test_regions_that_were_split_since_get_markers_when_a_stream_starts(
    store: HBaseStore, session: Session, tmp_path: Path
) -> None:
    whole = replace(open_epoch(session, "tiny", record()), regions=("80",))
    new_pass(store, whole).process(batch(0, 40))
    epoch = with_all_markers(session, whole, no_checkpoints(tmp_path), log=print)
    assert epoch.regions == PREFIXES
    new_pass(store, epoch).process(batch(40, 80))


@pytest.mark.parametrize("regions", [None, ("80",)])
def test_a_table_without_any_marker_is_refused_where_rows_must_exist(
    store: HBaseStore, session: Session, tmp_path: Path, regions: tuple[str, ...] | None
) -> None:
    lost = replace(record(epoch=2), regions=regions)
    with pytest.raises(StatesLost, match="rebuild_state --scenario tiny"):
        with_all_markers(session, lost, no_checkpoints(tmp_path), log=print)


def test_a_missing_table_is_named_with_the_commands_that_bring_it_back(session: Session) -> None:
    with pytest.raises(TableMissing) as raised:
        StateTable(session, "fraud").newest_marker(0)
    message = str(raised.value.for_stream("fraud"))
    assert f"table {session.store.namespace}:fraud is missing" in message
    assert "prepare_scenario --scenario fraud" in message
    assert "rebuild_state --scenario fraud" in message
    with pytest.raises(TableMissing) as raised:
        StateTable(session, "fraud.terminal").newest_marker(0)
    assert "maintain_features --scenario fraud --entity terminal --from-scratch" in str(
        raised.value.for_stream("fraud.terminal")
    )


def test_a_put_into_a_missing_table_is_not_waited_for(session: Session) -> None:
    """HBase names the table then, and not what is wrong with it."""
    with pytest.raises(TableMissing, match=f"table {session.store.namespace}:lost is missing"):
        session.call(lambda connection: connection.table("lost").put(b"row", {b"c:x": b"1"}))


@dataclass(frozen=True)
class NoFiles:
    """A file system without a checkpoint."""

    def names(self, folder: str) -> list[str]:
        """None."""
        return []

    def read(self, file: str) -> str | None:
        """None."""
        return None

    def write(self, file: str, text: str) -> None:
        """Nobody begins a generation here."""
        raise AssertionError(file)


def no_checkpoints(folder: Path) -> Checkpoints:
    """Where no generation has begun."""
    return Checkpoints(NoFiles(), str(folder), "tiny", 1)
