"""Pictures of the leaves scenario through the real stream: accounted for, stored once, erased."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from batch.privacy.cells import has_row
from features.attachments import NothingStored, Reading, digest_in
from features.events import reasons
from jobs.wiring.table_making import local_table
from local.endpoints import Endpoints
from local.tables import create_tables
from stores.hbase.attachments import AttachmentPlace
from stores.hbase.connection import HBaseStore
from stores.hbase.states import newest_cells
from stores.hbase.tables import table_specs
from tests.scenarios.leaves import LEAF
from tests.support.delta_rows import live_rows
from tests.support.lane import END_SECONDS, Lane
from tests.support.leaf_model import (
    MODULE,
    deploy_leaves,
    leaf,
    picture_event,
    save_leaf_model,
)
from tests.support.output_messages import records_of
from tests.support.processes import wait_until
from tests.support.tiny_load import Record, publish
from tests.unit.features.images.test_reading import FAULTS

GOOD = BAD = 1_000
PLANTS, PICTURES = 60, 400
# Its own picture, and one that another plant has sent as well.
PERSON, OTHER = "plant-4f1c9e", "plant-77aa10"
OWN_SEED, SHARED_SEED = 7_001, 7_002


@pytest.fixture(scope="module")
def lane(
    platform: Endpoints,
    run_dir: Path,
    shared_java: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lane]:
    """A lane of the leaves scenario."""
    host, port, name = platform.hbase_thrift_host, platform.hbase_thrift_port, "leaflane"
    store = HBaseStore(host, port, name, 60.0)
    specs = table_specs("leaves", regions=2, state_versions=512, has_attachments=True)
    create_tables(platform, [local_table(name, spec) for spec in specs])
    folder = tmp_path_factory.mktemp(name)
    lane = Lane(
        platform, run_dir, store, store, folder, shared_java, scenario="leaves", module=MODULE
    )
    lane.make_topics()
    deploy_leaves(store, save_leaf_model(folder / "model"))
    try:
        yield lane
    finally:
        lane.end()


def good_records() -> list[Record]:
    """Pictures of plants, many of them sent more than once."""
    sent = [(f"plant {at % PLANTS}", at * 7 % PICTURES) for at in range(GOOD - 3)]
    sent += [(PERSON, OWN_SEED), (PERSON, SHARED_SEED), (OTHER, SHARED_SEED)]
    return [
        (plant.encode(), picture_event(plant, at, leaf(seed)))
        for at, (plant, seed) in enumerate(sent)
    ]


def bad_records() -> tuple[list[Record], Counter[str]]:
    """Pictures with every fault in turn, and how many have each reason."""
    records: list[Record] = []
    expected: Counter[str] = Counter()
    faults = list(FAULTS.values())
    for at in range(BAD):
        plant = f"plant {at % PLANTS}"
        text, code, _ = faults[at % len(faults)]
        records.append((plant.encode(), picture_event(plant, at, text)))
        expected[code] += 1
    return records, expected


def run(lane: Lane, name: str, *arguments: str) -> str:
    """The output of the job `name`, which succeeds."""
    job = lane.run_to_end(name, *arguments)
    assert job.process.returncode == 0, job.output()[-5000:]
    return job.output()


def wait_until_scored(lane: Lane) -> None:
    """Wait until rows of all events are in the store."""
    wait_until(lambda: lane.marked() == lane.ends(), timeout=END_SECONDS, what="all rows")


def contents(lane: Lane) -> dict[str, dict[bytes, bytes]]:
    """Digest → cells of the attachment table."""
    with lane.store.open() as connection:
        return {key.decode(): cells for key, cells in connection.table("attachments").scan()}


def archived(lane: Lane) -> list[dict[str, Any]]:
    """Rows of the archive's events."""
    table = lane.folder / "delta" / "leaves" / "events"
    return live_rows(table, ["partition", "offset", "key", "value", "absent"])


def refusals(lane: Lane) -> Counter[str]:
    """Reason → distinct events among the dead letters."""
    topic = "leaves.dead-letter"
    ends = {p: end for p, (_, end) in lane.kafka.offsets(topic).items()}
    found = set()
    for records in records_of(lane.servers, topic, ends).values():
        for record in records:
            headers = {name: value.decode() for name, value in record.headers}
            place = headers["source_partition"], headers["source_offset"]
            found.add((*place, headers["reason_code"]))
    return Counter(code for *_, code in found)


def leaf_in(value: bytes) -> str:
    """What the event carries of a leaf."""
    return str(msgspec.json.decode(value)["leaf"])


def digest_of(seed: int) -> str:
    """The digest of a good picture."""
    reading = LEAF.reader(NothingStored()).read(leaf(seed))
    assert isinstance(reading, Reading)
    return reading.content.digest


def place_of(lane: Lane) -> AttachmentPlace:
    """Where the lane's contents are."""
    return AttachmentPlace(lane.store, retry_seconds=60.0)


def test_a_thousand_good_and_bad_pictures_are_each_accounted_for_and_stored_once(
    lane: Lane,
) -> None:
    good, (bad, expected) = good_records(), bad_records()
    mixed = [record for pair in zip(good, bad, strict=True) for record in pair]
    first = lane.start_scoring(own_java=True)
    publish(lane.servers, mixed[:1_000], topic="leaves.events")
    wait_until(lambda: sum(lane.marked().values()) > 200, timeout=END_SECONDS, what="200 rows")
    first.kill("driver")
    first.end()
    again = lane.start_scoring()
    publish(lane.servers, mixed[1_000:], topic="leaves.events")
    wait_until_scored(lane)
    assert again.terminate() == 143, again.output()[-3000:]

    assert refusals(lane) == expected
    assert set(expected) <= set(reasons.ATTACHMENT_CODES)
    assert f"{GOOD + BAD:,} events, each with one outcome" in run(lane, "reconcile")
    stored = contents(lane)
    assert len(stored) == len({leaf_in(value or b"") for _, value in good})
    referring = [column for cells in stored.values() for column in cells if column[:2] == b"r:"]
    assert len(referring) == len({(key, leaf_in(value or b"")) for key, value in good})


def test_the_archive_refers_and_what_is_rebuilt_from_it_is_equal_to_the_byte(lane: Lane) -> None:
    before, stored = newest_cells(lane.store, "leaves"), contents(lane)
    run(lane, "archive_stream", "--once")
    rows = archived(lane)
    assert len(rows) == GOOD + BAD
    digests = Counter(digest_in(leaf_in(row["value"])) for row in rows)
    assert sum(digests.values()) - digests[None] - digests["a" * 64] == GOOD
    assert set(digests) == {*stored, "a" * 64, None}
    assert contents(lane) == stored
    came = {
        (partition, record.offset): len(record.value)
        for partition, records in records_of(lane.servers, lane.events, lane.ends()).items()
        for record in records
    }
    good = [row for row in rows if digest_in(leaf_in(row["value"])) in stored]
    small = sum(len(row["value"]) for row in good)
    large = sum(came[row["partition"], row["offset"]] for row in good)
    print(f"{GOOD:,} good events: {large:,} bytes as they came, {small:,} in the archive")

    run(lane, "rebuild_state", "--yes")
    assert newest_cells(lane.store, "leaves") == before


def test_an_erased_plants_own_picture_goes_and_a_shared_one_stays(lane: Lane) -> None:
    store = place_of(lane)
    own, shared = (digest_of(seed) for seed in (OWN_SEED, SHARED_SEED))
    assert store.table().known([own, shared]) == {own, shared}
    dry = run(lane, "erase_from_memory", f"--entity={PERSON}", "--reason=asked", "--dry-run")
    assert "attachments: 2 references to contents" in dry
    assert "attachments: 1 contents to which nobody else refers" in dry
    assert store.table().known([own, shared]) == {own, shared}
    run(lane, "erase_from_memory", f"--entity={PERSON}", "--reason=asked", "--yes")
    assert store.table().known([own, shared]) == {shared}
    assert {r.entity for r in store.table().referring(shared)} == {OTHER}
    values = [row["value"] for row in archived(lane) if row["value"] is not None]
    assert len(values) == GOOD + BAD - 2
    assert not any(own.encode() in value for value in values)
    assert sum(shared.encode() in value for value in values) == 1
    with lane.session() as session:
        assert not has_row(session, "leaves", PERSON)
