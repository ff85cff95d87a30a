"""One entity from two kinds of client: its events elsewhere are dead letters, and nothing stops.

Published by kafka-python and by a librdkafka client as they come, before the stream starts, so that
both partitions of a key are in the first micro-batch.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from zlib import crc32

import numpy as np
import pytest
from confluent_kafka import Producer

from features.events.decode import Records
from features.events.partitioners import CRC32, CUSTOM, MURMUR2
from features.events.reasons import WRONG_PARTITION
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.keys import entity_of
from stores.hbase.states import StateTable
from stores.hbase.tables import STATE
from stores.records.deployments import ModelPointer
from stores.records.homes import HomeTable
from streaming.passes.batches import Batch
from streaming.passes.homes import ClaimedHomes
from streaming.passes.settings import PassSettings
from streaming.scoring.models_in_use import ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.homes import home_of
from tests.support.judgement import check_conservation, check_equals_undisturbed, drained
from tests.support.lane import EVENTS, Lane
from tests.support.output_messages import (
    DEAD_LETTERS,
    Message,
    OutputMessages,
    messages_in,
    records_of,
)
from tests.support.processes import Job
from tests.support.tiny_load import publish
from tests.support.tiny_model import deploy, reading
from tests.support.undisturbed import differences, newest_cells

MACHINES = [f"machine {number}" for number in range(40)]
EACH = 3
ARRIVED_MS = 1_800_000_000_000
_FLUSH_SECONDS = 60.0


@pytest.fixture(scope="module")
def places(lane: Lane) -> Mapping[str, list[tuple[str, int]]]:
    """Client → machine and partition of each record, as its own partitioner placed them."""
    records_by_client: dict[str, list[tuple[str, int]]] = {MURMUR2: [], CRC32: []}
    client = Producer({"bootstrap.servers": lane.servers})
    for number in range(EACH):
        events = [(m, reading(m, seconds=number, temperature_c=20.0 + number)) for m in MACHINES]
        stored = publish(lane.servers, [(m.encode(), value) for m, value in events])
        records_by_client[MURMUR2] += [
            (m, p) for (m, _), (p, _) in zip(events, stored, strict=True)
        ]

        def record_delivery(error: object, message: object) -> None:
            assert error is None
            key, partition = message.key(), message.partition()  # type: ignore[attr-defined]
            records_by_client[CRC32].append((key.decode(), partition))

        for machine, value in events:
            client.produce(EVENTS, key=machine.encode(), value=value, on_delivery=record_delivery)
        assert client.flush(_FLUSH_SECONDS) == 0
    return records_by_client


@pytest.fixture(scope="module")
def job(lane: Lane, places: Mapping[str, list[tuple[str, int]]]) -> Job:
    """The stream, started when everything is on the topic."""
    return lane.start_scoring()


@pytest.fixture(scope="module")
def messages(lane: Lane, job: Job) -> OutputMessages:
    """The stream's messages about them."""
    return drained(lane)


def headers_of(message: Message) -> dict[str, str]:
    return {name: text.decode() for name, text in message.headers}


def letters_in(messages: OutputMessages) -> list[Message]:
    all_messages = [message for outcomes in messages.outcomes.values() for message in outcomes]
    return [message for message in all_messages if message.topic == DEAD_LETTERS]


def test_both_clients_place_keys_as_we_compute_it(
    places: Mapping[str, list[tuple[str, int]]],
) -> None:
    for partitioner, records in places.items():
        assert len(records) == EACH * len(MACHINES)
        assert records == [(m, home_of(m, partitioner=partitioner)) for m, _ in records]
    assert {crc32(m.encode()) % 2 == home_of(m) for m in MACHINES} == {True, False}


def test_events_elsewhere_are_dead_letters_that_name_both_partitions(
    places: Mapping[str, list[tuple[str, int]]], messages: OutputMessages
) -> None:
    elsewhere = Counter(m for m, partition in places[CRC32] if partition != home_of(m))
    letters = letters_in(messages)
    assert Counter((letter.key or b"").decode() for letter in letters) == elsewhere
    for letter in letters:
        headers, machine = headers_of(letter), (letter.key or b"").decode()
        home = home_of(machine)
        assert headers["reason_code"] == WRONG_PARTITION
        assert (headers["source_partition"], headers["home_partition"]) == (
            f"{1 - home}",
            f"{home}",
        )
        assert (
            f"lies in partition {1 - home}, its home is partition {home} of 2" in headers["reason"]
        )
        assert "partitioner=murmur2_random" in headers["reason"]


def test_the_stream_goes_on_and_states_are_those_of_the_events_at_home(
    lane: Lane, job: Job, messages: OutputMessages
) -> None:
    check_conservation(lane, messages)
    check_equals_undisturbed(lane, messages, seed=3)
    cells = {entity_of(key): row[STATE] for key, row in newest_cells(lane.store).items()}
    events = SCENARIO.codec.decode([cells[machine] for machine in MACHINES]).events.tolist()
    expected = [EACH * (2 if crc32(m.encode()) % 2 == home_of(m) else 1) for m in MACHINES]
    assert events == expected
    assert "restart" not in job.output()
    text = f"keys of {EVENTS} lie outside their home partition by murmur2"
    (warning,) = [line for line in job.output().splitlines() if text in line]
    assert "partitioner=murmur2_random" in warning


def forget_the_end(lane: Lane) -> None:
    """Undo the ledger's last commit, as if the job had been killed once all was published."""
    log = lane.folder / "delta" / "tiny" / "replays" / "_delta_log"
    assert len(list(log.glob("*.json"))) == 2
    for path in log.glob("*1.*"):
        path.unlink()


def test_dead_letters_are_published_again_once_and_scored(
    lane: Lane, job: Job, messages: OutputMessages
) -> None:
    letters = letters_in(messages)
    selection = ("--reason", WRONG_PARTITION)
    before = sum(lane.ends().values())
    dry_run = lane.run_to_end("replay_dead_letters", *selection, "--dry-run")
    assert dry_run.process.returncode == 0, dry_run.output()[-4000:]
    assert f"nothing was published, {len(letters):,} events could be" in dry_run.output()
    assert sum(lane.ends().values()) == before

    replay = lane.run_to_end("replay_dead_letters", *selection, "--yes")
    assert replay.process.returncode == 0, replay.output()[-4000:]
    assert f"{len(letters):,} of {len(letters):,} events published again" in replay.output()
    again = drained(lane)
    assert len(letters_in(again)) == len(letters)
    check_conservation(lane, again)
    replayed = {
        dict(record.headers)["replayed_from"].decode(): record
        for records in records_of(lane.servers, EVENTS, lane.ends()).values()
        for record in records
        if record.headers
    }
    assert len(replayed) == sum(lane.ends().values()) - before == len(letters)
    for letter in letters:
        partition, offset = letter.about
        record = replayed[f"{EVENTS}/{partition}/{offset}/1"]
        assert (record.key, record.value) == (letter.key, letter.value)
    cells = {entity_of(key): row[STATE] for key, row in newest_cells(lane.store).items()}
    events = SCENARIO.codec.decode([cells[machine] for machine in MACHINES]).events.tolist()
    assert events == [2 * EACH] * len(MACHINES)

    forget_the_end(lane)
    twice = lane.run_to_end("replay_dead_letters", *selection, "--yes")
    assert twice.process.returncode == 0, twice.output()[-4000:]
    line = f"run 1 did not end: {len(letters):,} of its {len(letters):,} events have arrived"
    assert line in twice.output()
    assert "nothing was published, 0 events could be" in twice.output()
    assert sum(lane.ends().values()) == before + len(letters)
    assert job.terminate() == 143


def test_a_rebuild_from_the_archive_gives_the_same_states(
    lane: Lane, job: Job, messages: OutputMessages
) -> None:
    if job.process.poll() is None:
        job.terminate()
    before = newest_cells(lane.store)
    for name, *more in (("archive_stream", "--once"), ("rebuild_state", "--yes")):
        batch_job = lane.run_to_end(name, *more)
        assert batch_job.process.returncode == 0, batch_job.output()[-4000:]
    assert differences(newest_cells(lane.store), before) == {}


def pass_by(partitioner: str, store: HBaseStore) -> ScoringPass:
    """A pass over two partitions, as a fresh worker makes it."""
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=store,
        epoch=1,
        first_offsets={0: 0, 1: 0},
        partitioner=partitioner,
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=20,
    )
    session = Session(store, retry_seconds=20.0)
    table = StateTable(session, "tiny")
    homes = ClaimedHomes(HomeTable(session, "tiny"), table, SCENARIO.codec, epoch=1)
    models = ModelsInUse(settings, session, SCENARIO)
    second = SecondEntityReader(SCENARIO, [])
    return ScoringPass(settings, SCENARIO, table, models, second, homes=homes)


def batch_in(partition: int) -> Batch:
    """One reading of each machine, in both partitions at the same offsets."""
    values: list[bytes | None] = [reading(m, seconds=9, temperature_c=20.0) for m in MACHINES]
    keys: list[bytes | None] = [machine.encode() for machine in MACHINES]
    count = len(MACHINES)
    return Batch(Records(keys, values, np.arange(count), np.full(count, ARRIVED_MS)), partition)


@pytest.mark.parametrize("partitioner", [CUSTOM, MURMUR2])
def test_of_two_partitions_that_see_new_entities_at_once_each_entity_gets_one(
    store: HBaseStore, tiny_pointer: ModelPointer, partitioner: str
) -> None:
    deploy(store, tiny_pointer)
    messages_by_partition: dict[int, list[Message]] = {}
    passes = [pass_by(partitioner, store) for _ in (0, 1)]
    for scoring_pass in passes:  # Python 3.11 cannot load two models in threads of one process
        scoring_pass.prepare()

    def run(partition: int) -> None:
        messages_by_partition[partition] = list(
            messages_in(passes[partition].process(batch_in(partition)))
        )

    threads = [threading.Thread(target=run, args=(partition,)) for partition in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    refused = {
        p: {(message.key or b"").decode() for message in messages if message.topic == DEAD_LETTERS}
        for p, messages in messages_by_partition.items()
    }
    assert refused[0] | refused[1] == set(MACHINES)
    assert refused[0] & refused[1] == set()
    if partitioner == MURMUR2:
        assert refused[0] == {machine for machine in MACHINES if home_of(machine) == 1}
    cells = {entity_of(key): row[STATE] for key, row in newest_cells(store).items()}
    states = SCENARIO.codec.decode([cells[machine] for machine in MACHINES])
    assert states.events.tolist() == [1] * len(MACHINES)
    assert states.partition.tolist() == [0 if m in refused[1] else 1 for m in MACHINES]

    before = newest_cells(store)
    for partition in (1, 0):  # the replay of a fresh worker is given the same homes
        again = list(messages_in(pass_by(partitioner, store).process(batch_in(partition))))
        assert again == messages_by_partition[partition]
    assert differences(newest_cells(store), before) == {}
