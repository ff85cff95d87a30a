"""A second entity's keyed stream: from events and labels to states, whichever process is killed."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features.events.decode import EventDecoder
from features.fold.history import HistoryColumns, lookup_history
from local.endpoints import Endpoints
from scenarios.contract.keyed import keyed_entity
from stores.hbase.states import StateTable, newest_cells
from stores.hbase.tables import STATE
from stores.records.epochs import read_epoch
from streaming.passes.settings import PassSettings
from streaming.position.fence import EpochFence
from streaming.position.refusals import EpochChanged
from streaming.scoring.second_entities import second_entity_reader
from streaming.second_entity.feature_pass import FeaturePass
from streaming.second_entity.rekey import Rekeyer
from tests.scenarios.shops import SCENARIO, SHOP
from tests.support.output_messages import records_of
from tests.support.processes import wait_until
from tests.support.shop_events import (
    BEGAN_MS,
    HOUR_MS,
    Record,
    random_payments,
    records,
)
from tests.support.shop_lane import SHOP_EVENTS, ShopLane
from tests.support.tiny_archive import MemoryTable
from tests.support.undisturbed import batch_of_records

KEYED = keyed_entity(SCENARIO, SHOP)
SHOPS = 12
HALF = 600
SEED = 5


@pytest.fixture(scope="module")
def lane(
    platform: Endpoints, run_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ShopLane]:
    """A lane for the tests of this file, in order."""
    opened = ShopLane(platform, run_dir, tmp_path_factory.mktemp("shops"), "shoplane")
    yield opened
    opened.end()


def load() -> tuple[list[Record], list[Record]]:
    """Payments and verdicts; some of both are published twice."""
    payments, verdicts = random_payments(2 * HALF, seed=SEED, shops=SHOPS)
    return payments + payments[::50], verdicts + verdicts[::50]


def publish(lane: ShopLane, payments: list[Record], verdicts: list[Record]) -> None:
    """Send both to the scenario's topics."""
    lane.publish("shops.events", payments)
    lane.publish("shops.labels", verdicts)


def pass_over(lane: ShopLane, table: MemoryTable | StateTable) -> FeaturePass:
    """The lane's pass over another table of states."""
    with lane.session() as session:
        record = read_epoch(session, "shops.shop")
    assert record is not None
    settings = PassSettings(
        scenario="shops.shop",
        module="tests.scenarios.shops",
        store=lane.store,
        epoch=record.epoch,
        first_offsets=dict(record.first_offsets),
        max_event_bytes=1_048_576,
        max_future_skew_seconds=300,
        retry_seconds=60,
    )
    return FeaturePass(settings, KEYED, table, NoFence())


class NoFence(EpochFence):
    """A pass that nobody will fence."""

    def __init__(self) -> None:
        pass

    def check(self) -> None:
        pass


def undisturbed(lane: ShopLane) -> dict[str, bytes]:
    """The states that the shops' topic gives in one thread, in batches of other sizes."""
    table, random_ = MemoryTable(), random.Random(SEED)
    feature_pass = pass_over(lane, table)
    for partition, events in records_of(
        lane.kafka.bootstrap_servers, SHOP_EVENTS, lane.ends(SHOP_EVENTS)
    ).items():
        at = 0
        while at < len(events):
            size = random_.randint(1, 90)
            feature_pass.process(batch_of_records(events[at : at + size], partition=partition))
            at += size
    return {entity: cells[-1][1] for entity, cells in table.states.items()}


def stored(lane: ShopLane) -> dict[str, bytes]:
    """The newest states in HBase."""
    cells = newest_cells(lane.store, "shops.shop")
    return {key[3:].decode(): row[STATE] for key, row in cells.items() if STATE in row}


def test_prepare_scenario_makes_topics_and_table_of_the_second_entity(lane: ShopLane) -> None:
    job = lane.run_to_end("prepare_scenario")
    assert job.process.returncode == 0, job.output()
    for topic in ("shops.events", "shops.labels", SHOP_EVENTS, "shops.shop.dead-letter"):
        assert set(lane.ends(topic)) == {0, 1}
    with lane.store.open() as connection:
        families = connection.table("shops.shop").families()
    assert {name.rstrip(b":"): family["max_versions"] for name, family in families.items()} == {
        b"s": 512,
        b"p": 1,
        b"m": 10_000,
    }


def test_states_are_those_of_an_undisturbed_fold_after_the_driver_was_killed(
    lane: ShopLane,
) -> None:
    payments, verdicts = load()
    job = lane.start_features()
    publish(lane, payments[::2], verdicts[::2])
    wait_until(
        lambda: sum(lane.marked().values()) > 0,
        timeout=60,
        what=f"progress:\n{job.output()[-3000:]}",
    )
    publish(lane, payments[1::2], verdicts[1::2])
    job.kill("driver")
    job.process.wait(60)
    job.end()
    lane.start_features()
    expected = sum(value != b"{bad" for _, value in payments) + len(verdicts)
    lane.wait_until_folded(sent=expected)
    assert stored(lane) == undisturbed(lane)
    sources = [source for source in lane.rekeyed().values() if source is not None]
    assert sum(source.sent for source in sources) == expected
    assert sum(source.refused for source in sources) == len(payments) + len(verdicts) - expected


def test_repeats_are_counted_once_and_read_as_the_offline_lookup_reads_them(
    lane: ShopLane,
) -> None:
    event_count = sum(lane.ends(SHOP_EVENTS).values())
    history = list(offline_columns(*load()))
    shop_codes = np.repeat(np.arange(SHOPS, dtype=np.float64), 4)
    hours = np.tile([20.0, 50.0, 61.0, 90.0], SHOPS)
    at_ms = BEGAN_MS + np.round(hours * HOUR_MS).astype(np.int64)
    expected = lookup_history(
        SHOP.plan, HistoryColumns(*history), asked_codes=shop_codes.astype(np.int64), asked_ms=at_ms
    )
    values = np.full((len(shop_codes), len(SCENARIO.schema.columns)), np.nan)
    values[:, SCENARIO.schema.columns["shop_id"]] = shop_codes
    with lane.session() as session:
        reader = second_entity_reader(SCENARIO, session)
        lookup = reader.features(values, at_ms)
    np.testing.assert_array_equal(lookup.features, expected)
    assert event_count >= len(history[0])
    credulous = replace(SHOP, identity_field=None).plan
    twice = lookup_history(
        credulous, HistoryColumns(*history), asked_codes=shop_codes.astype(np.int64), asked_ms=at_ms
    )
    assert (twice[:, 0] > expected[:, 0]).any()
    assert expected[:, 0].max() > 5
    assert lookup.unknown == 0


def offline_columns(payments: list[Record], verdicts: list[Record]) -> Iterator[npt.NDArray[Any]]:
    """Entity codes, type codes, times and values of all events of shops."""
    rekeyer = Rekeyer(KEYED, max_event_bytes=10_000, max_future_skew_seconds=300)
    messages = [
        (row["key"], row["value"])
        for topic, topic_records in (("shops.events", payments), ("shops.labels", verdicts))
        for row in rekeyer.rekeyed(topic, records(topic_records)).messages.to_pylist()
    ]
    decoder = EventDecoder(KEYED.schema, max_event_bytes=10_000, max_future_skew_seconds=300)
    events = decoder.decode(records(messages))
    yield np.array([int(entity) for entity in events.entities])
    yield events.type_codes
    yield events.times_ms
    yield events.values


def test_a_replay_into_the_store_changes_not_one_byte(lane: ShopLane) -> None:
    before = stored(lane)
    partition, end = max(lane.ends(SHOP_EVENTS).items(), key=lambda pair: pair[1])
    events = records_of(lane.kafka.bootstrap_servers, SHOP_EVENTS, {partition: end})[partition]
    with lane.session() as session:
        table = StateTable(session, "shops.shop")
        ends = sorted(m.offset + 1 for _, m in table.kept_markers(partition).markers)
        feature_pass = pass_over(lane, table)
        at = ends[len(ends) // 3] if len(ends) > 2 else 0
        while at < end:
            feature_pass.process(batch_of_records(events[at : at + 37], partition=partition))
            at += 37
    assert stored(lane) == before


def test_what_is_no_event_of_a_shop_is_a_dead_letter_of_its_own_topic(lane: ShopLane) -> None:
    lane.publish(SHOP_EVENTS, [(b"3", b"{broken")])
    wait_until(
        lambda: sum(lane.ends("shops.shop.dead-letter").values()) == 1,
        timeout=30,
        what=f"dead letter:\n{lane.jobs[-1].output()[-2000:]}",
    )
    ends = lane.ends("shops.shop.dead-letter")
    letters = records_of(lane.kafka.bootstrap_servers, "shops.shop.dead-letter", ends)
    (letter,) = [letter for partition_letters in letters.values() for letter in partition_letters]
    assert letter.value == b"{broken"
    assert dict(letter.headers)["source_topic"] == SHOP_EVENTS.encode()


def test_show_status_tells_how_far_the_second_entity_is(lane: ShopLane) -> None:
    job = lane.run_to_end("show_status")
    assert job.process.returncode == 0, job.output()
    assert "re-keyed for shops.shop" in job.output()
    assert "shops.shop epoch: 1 (first start" in job.output()


def test_deriving_anew_gives_the_same_features_in_a_new_epoch(lane: ShopLane) -> None:
    assert lane.jobs[1].log.exists()
    for job in lane.jobs:
        job.terminate()
    job = lane.start_features("--from-scratch")
    assert "shops.shop is derived from scratch, in epoch 2" in job.output()
    payments, verdicts = load()
    expected = sum(value != b"{bad" for _, value in payments) + len(verdicts)
    lane.wait_until_folded(sent=expected)
    assert sum(lane.ends(SHOP_EVENTS).values()) == expected
    assert stored(lane) == undisturbed(lane)
    assert job.terminate() == 143
    with lane.session() as session:
        older = EpochFence(session, "shops.shop", epoch=1, reread_seconds=0.0)
        with pytest.raises(EpochChanged, match=r"epoch 2 of shops\.shop began \(derived from"):
            older.check()
        EpochFence(session, "shops.shop", epoch=2, reread_seconds=0.0).check()
