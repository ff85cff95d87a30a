"""The archive holds every record once, whichever process is killed, restarted or runs twice."""

from collections import Counter
from typing import Any

from kafka import TopicPartition

from tests.support.delta_rows import live_rows
from tests.support.judgement import drained
from tests.support.lane import CALM, EVENTS, START_SECONDS, Lane
from tests.support.output_messages import records_of
from tests.support.processes import wait_until
from tests.support.tiny_load import TinyLoad, publish
from tests.support.tiny_model import reading

KINDS = (
    "events",
    "predictions",
    "dead-letter",
    "labels",
    "outcomes",
    "review-decisions",
    "device-records",
)
COLUMNS = ("topic_id", "partition", "offset", "epoch", "key", "value", "kafka_time")
QUICK = ("delta.archive_interval_seconds=1",)
SMALL = ("delta.archive_commit_offsets=400", "delta.compact_after_commits=3")


def archived(lane: Lane, kind: str) -> list[dict[str, Any]]:
    """All archived records of a kind."""
    table = lane.folder / "delta" / "tiny" / kind
    return live_rows(table, COLUMNS) if table.exists() else []


def ends(lane: Lane, kind: str) -> dict[int, int]:
    """Partition → offset of the next record of the topic."""
    return {p: end for p, (_, end) in lane.kafka.offsets(f"tiny.{kind}").items()}


def wait_for_more(lane: Lane, events: int) -> None:
    """Wait until so many more events are archived."""
    enough = len(archived(lane, "events")) + events
    wait_until(
        lambda: len(archived(lane, "events")) >= enough,
        timeout=2 * START_SECONDS,
        what=f"{enough} archived events:\n{lane.jobs[-1].output()[-3000:]}",
    )


def check_exactly_once(lane: Lane) -> None:
    """Every record of every topic is in its table once, to the byte."""
    for kind in KINDS:
        expected = {
            (partition, record.offset): (record.key, record.value)
            for partition, records in records_of(
                lane.servers, f"tiny.{kind}", ends(lane, kind)
            ).items()
            for record in records
        }
        rows = archived(lane, kind)
        times = Counter((row["partition"], row["offset"]) for row in rows)
        assert {place: n for place, n in times.items() if n != 1} == {}, kind
        assert {(r["partition"], r["offset"]): (r["key"], r["value"]) for r in rows} == expected


def test_archivers_that_are_killed_and_started_anew_lose_and_double_nothing(lane: Lane) -> None:
    stream = lane.start_scoring(settings=CALM)
    with TinyLoad(lane.servers, per_second=100, machines=500, seed=3):
        for victim in ("driver", "jvm"):
            archiver = lane.run("archive_stream", settings=(*QUICK, *SMALL))
            wait_for_more(lane, 400)
            archiver.kill(victim)
            archiver.process.wait(60)
            archiver.end()
            if victim == "jvm":
                assert "Spark's JVM ended by itself (code -9)" in archiver.output()
                assert "Traceback" not in archiver.output()
    drained(lane)
    assert stream.terminate() == 143
    last = lane.run_to_end("archive_stream", "--once")
    assert last.process.returncode == 0, last.output()[-3000:]
    check_exactly_once(lane)
    assert {row["epoch"] for kind in KINDS[:3] for row in archived(lane, kind)} == {1}


def test_of_two_archivers_one_stops_and_says_so(lane: Lane) -> None:
    first = lane.run("archive_stream", settings=QUICK)
    first.wait_for("archiving tiny into", timeout=START_SECONDS)
    refused = lane.run_to_end("archive_stream", "--once")
    assert refused.process.returncode == 4, refused.output()[-3000:]
    assert f"archive_stream, process {first.process.pid} of" in refused.output()
    with TinyLoad(lane.servers, per_second=80, machines=50, seed=4):
        second = lane.run("archive_stream", "--take-over", settings=QUICK)
        assert first.process.wait(START_SECONDS) == 4, first.output()[-3000:]
        second.wait_for("archiving tiny into", timeout=START_SECONDS)
    assert f"archive_stream, process {second.process.pid} of" in first.output()
    wait_until(
        lambda: len(archived(lane, "events")) == sum(ends(lane, "events").values()),
        timeout=START_SECONDS,
        what="the other one to archive the rest",
    )
    second.terminate()
    assert lane.run_to_end("archive_stream", "--once").process.returncode == 0
    check_exactly_once(lane)


def test_a_change_that_makes_archived_events_unreadable_is_refused(lane: Lane) -> None:
    changed = ("scenarios.tiny=tests.scenarios.tiny_in_fahrenheit",)
    job = lane.run_to_end("archive_stream", "--once", settings=changed)
    assert job.process.returncode == 4, job.output()[-3000:]
    assert "field 'temperature_c' of 'reading' was in '°C', is in '°F'" in job.output()


def test_records_that_kafka_dropped_before_they_were_archived_are_told(lane: Lane) -> None:
    (partition, first), *_ = publish(
        lane.servers,
        [(b"machine 1", reading("machine 1", seconds=n, temperature_c=20.0)) for n in range(5)],
    )
    with lane.admin() as admin:
        admin.delete_records({TopicPartition(EVENTS, partition): first + 2})
    job = lane.run_to_end("archive_stream", "--once")
    assert job.process.returncode == 4, job.output()[-3000:]
    assert f"{EVENTS}-{partition}: offsets {first:,} to {first + 1:,} are not" in job.output()
    job = lane.run_to_end("archive_stream", "--once", "--accept-gaps")
    assert job.process.returncode == 0, job.output()[-3000:]
    offsets = {r["offset"] for r in archived(lane, "events") if r["partition"] == partition}
    assert {first + 2, first + 3, first + 4} <= offsets
    assert not {first, first + 1} & offsets
