"""A person erased while stream and archiver run: every byte searched, late events, replays."""

import json
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from proofs.byte_search import files_with, needles_of
from stores.hbase.keys import row_key
from stores.hbase.tables import LATEST, STATE
from tests.scenarios.tiny import SCENARIO
from tests.support.delta_rows import live_rows
from tests.support.judgement import drained
from tests.support.lane import CALM, EVENTS, Lane
from tests.support.output_messages import records_of
from tests.support.processes import wait_until
from tests.support.tiny_load import TinyLoad, publish
from tests.support.tiny_model import reading

WAITING_SECONDS = 400.0  # two streams, an archiver and an erasure at once
PERSON, RETURNER = "person-4f1c9e", "person-77aa10"
VALUE = 211.0625  # a temperature that nobody else has
OTHER_VALUE = 47.5
START_OF_2026 = 1_767_225_600
LONG_AGO = 0.0  # seconds after the start of 2026
KINDS = (
    "events",
    "predictions",
    "dead-letter",
    "labels",
    "outcomes",
    "review-decisions",
    "device-records",
)
AGENT = "agent-of-the-person"
NEEDLES = [*needles_of(PERSON, VALUE), AGENT.encode()]


def events_of(person: str, *, seconds: float, count: int = 1) -> list[tuple[bytes, bytes]]:
    """Readings of a person, a second apart."""
    value = VALUE if person == PERSON else OTHER_VALUE
    return [
        (person.encode(), reading(person, seconds=seconds + n, temperature_c=value))
        for n in range(count)
    ]


def cells(lane: Lane, person: str) -> dict[bytes, bytes]:
    """The cells of a person's row in HBase."""
    with lane.session() as session:
        row: dict[bytes, bytes] = session.call(
            lambda connection: connection.table("tiny").row(row_key(person))
        )
    return row


def archived(lane: Lane, kind: str, *columns: str) -> list[dict[str, object]]:
    """Rows of an archive table."""
    table = lane.folder / "delta" / "tiny" / kind
    return live_rows(table, columns) if table.exists() else []


def named_in_kafka(lane: Lane) -> int:
    """Records of all topics that name the person."""
    count = 0
    for kind in (*KINDS, "review"):
        ends = {p: end for p, (_, end) in lane.kafka.offsets(f"tiny.{kind}").items()}
        for records in records_of(lane.servers, f"tiny.{kind}", ends).values():
            for record in records:
                count += PERSON.encode() in (record.key or b"") + (record.value or b"")
    return count


COMMAND = (
    "erase_from_memory",
    f"--entity={PERSON}",
    f"--entity={RETURNER}",
    "--reason=asked for it",
)


def status_of(lane: Lane) -> str:
    """The output of show_status."""
    return lane.run_to_end("show_status").output()


def erase(lane: Lane, *options: str) -> str:
    """Run the command for both people and return what it printed."""
    job = lane.run_to_end(*COMMAND, *options, timeout=600)
    assert job.process.returncode == 0, job.output()[-4000:]
    return job.output()


def wait_for_hbase(lane: Lane) -> None:
    """Wait until HBase has removed the files that hold the person."""
    hbase = lane.run_dir / "hbase"
    remaining = [hbase]

    def is_tidy() -> bool:
        remaining[:] = files_with(hbase, NEEDLES)
        return not remaining

    try:
        wait_until(is_tidy, timeout=WAITING_SECONDS, what="HBase's files to go")
    except TimeoutError as late:
        raise AssertionError(f"HBase still has {remaining}") from late


def write_reports(folder: Path) -> None:
    """A list and an audit that name the person, beside lines of others."""
    (folder / "audits").mkdir(parents=True)
    (folder / "retention-1.csv").write_text(f"entity,score\r\n{PERSON},0.9\r\nother,0.8\r\n")
    (folder / "audits" / "p1.html").write_text(f"<td>{PERSON}</td>")


# Two streams, an archiver and two erasures on cores that others use as well.
@pytest.mark.timeout(2_400)
def test_a_person_erased_under_load_is_gone_to_the_byte_and_stays_away(lane: Lane) -> None:
    stream = lane.start_scoring(settings=CALM)
    archiver = lane.run("archive_stream", settings=("delta.archive_interval_seconds=20",))
    reports = lane.folder / "reports" / "tiny"
    write_reports(reports)
    with TinyLoad(lane.servers, per_second=100, machines=300, seed=8):
        publish(
            lane.servers,
            [
                *events_of(PERSON, seconds=LONG_AGO, count=20),
                *events_of(RETURNER, seconds=LONG_AGO, count=5),
                (b"somebody", events_of(PERSON, seconds=LONG_AGO)[0][1]),  # a wrong key
                (None, events_of(PERSON, seconds=LONG_AGO)[0][1]),
                (b"somebody", b'{"machine":"person-4f1c9e","even'),
            ],
        )
        outcome = {
            "type": "outcome",
            "entity": PERSON,
            "event_time": "2026-01-01T00:00:00Z",
            "prediction_id": "tiny-1-0-1-v1",
            "status": "shown",
            "agent": AGENT,
        }
        value = json.dumps(outcome).encode()
        publish(lane.servers, [(PERSON.encode(), value)], topic="tiny.outcomes")
        wait_until(
            lambda: (
                LATEST in cells(lane, PERSON)
                and any(PERSON.encode() == r["key"] for r in archived(lane, "predictions", "key"))
            ),
            timeout=WAITING_SECONDS,
            what="the person to be scored and archived",
        )
        output = erase(lane, "--dry-run")
        assert re.search(r"HBase table .*: 2 rows", output), output[-3000:]
        assert LATEST in cells(lane, PERSON)

        killed = lane.run(*COMMAND, "--yes")
        killed.wait_for(" erased", timeout=WAITING_SECONDS)
        killed.kill("driver")
        assert "entities begun" in status_of(lane)
        erase(lane, "--yes")
        assert "is not finished" not in status_of(lane)
        assert cells(lane, PERSON) == {}
        assert archiver.process.poll() is None, archiver.output()[-3000:]
        # A late event, dated before the erasure; and somebody who comes back as a new customer.
        before = {partition: max(0, end - 500) for partition, end in lane.ends().items()}
        publish(lane.servers, events_of(PERSON, seconds=LONG_AGO + 50))
        publish(lane.servers, events_of(RETURNER, seconds=time.time() - START_OF_2026))
        wait_until(
            lambda: LATEST in cells(lane, RETURNER),
            timeout=WAITING_SECONDS,
            what="the new customer's row",
        )
    drained(lane)
    assert stream.terminate() == 143
    wait_until(
        lambda: all(
            {(r["partition"], r["offset"]) for r in archived(lane, kind, "partition", "offset")}
            == {
                (p, at)
                for p, (_, end) in lane.kafka.offsets(f"tiny.{kind}").items()
                for at in range(end)
            }
            for kind in KINDS
        ),
        timeout=WAITING_SECONDS,
        what="an archive that stands for every offset",
    )
    assert archiver.terminate() == 143
    state = SCENARIO.codec.decode([cells(lane, RETURNER)[STATE]])
    assert state.events.tolist() == [1]  # of the five from before nothing counts

    # A replay of the late events brings nobody back.
    begin = ",".join(f"{partition}:{offset}" for partition, offset in before.items())
    again = lane.start_scoring(f"--replay-from={begin}", settings=CALM)
    drained(lane)
    assert again.terminate() == 143
    assert cells(lane, PERSON) == {}
    state = SCENARIO.codec.decode([cells(lane, RETURNER)[STATE]])
    assert state.events.tolist() == [1]
    once = lane.run_to_end("archive_stream", "--once")
    assert once.process.returncode == 0, once.output()[-3000:]

    assert (reports / "retention-1.csv").read_bytes() == b"entity,score\r\nother,0.8\r\n"
    assert files_with(lane.folder / "delta", NEEDLES) == []
    assert files_with(reports, NEEDLES) == []
    assert files_with(lane.folder / "checkpoints", NEEDLES) == []
    wait_for_hbase(lane)
    output = erase(lane, "--yes")  # again: harmless
    wait_for_hbase(lane)

    # What is left is in Kafka only, as the command reported; Kafka's own command deletes it.
    command = re.search(r"Ended by: (java .*DeleteRecordsCommand .*)", output)
    assert command is not None
    assert named_in_kafka(lane) > 0
    process = subprocess.run(
        shlex.split(command[1]), capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert named_in_kafka(lane) == 0
    files = files_with(lane.run_dir, NEEDLES)
    assert {path.relative_to(lane.run_dir).parts[0] for path in files} <= {"kafka"}, files
    assert EVENTS in output
