"""Real-time mode beyond the fault test: hot keys, Spark's own batches, what a stop leaves."""

import itertools
import random
import re
from collections.abc import Callable
from contextlib import AbstractContextManager

from stores.hbase.states import StateTable
from tests.support.judgement import check_conservation, check_equals_undisturbed, drained
from tests.support.lane import PARTITIONS, Lane
from tests.support.processes import wait_until
from tests.support.tiny_load import Record, TinyLoad, publish, tiny_record

SEED = 5
REAL_TIME = ("stream.mode=real-time",)
ONE_EVENT_A_FRAME = (*REAL_TIME, "stream.batch_rows=1")
SHORT_BATCHES = (*REAL_TIME, "stream.real_time_batch_seconds=5")
HOT_EVENTS, KILLED_AFTER = 2_000, 1_200  # a state has 512 versions
UNPUBLISHED_FRAMES = 64 + 3  # one with the worker, two on their way to the sink
LAST_FRAME = 100  # at 200 events a second
SECONDS = 120.0


def test_a_hot_key_with_thousands_of_frames_and_spark_s_own_batches(
    lanes: Callable[[], AbstractContextManager[Lane]],
) -> None:
    with lanes() as lane:
        lane.start_scoring(settings=ONE_EVENT_A_FRAME, own_java=True)
        publish(lane.servers, hot_records(HOT_EVENTS))
        wait_until(
            lambda: max(lane.marked().values()) >= KILLED_AFTER,
            timeout=SECONDS,
            what=f"{KILLED_AFTER} frames of one machine",
        )
        lane.jobs[-1].kill("jvm")
        lane.jobs[-1].process.wait(SECONDS)
        marked = lane.marked()
        hot = max(marked, key=lambda partition: marked[partition])
        again = lane.start_scoring(settings=SHORT_BATCHES, own_java=True)
        goes_on_at = starts_in(again.output())[hot]
        assert marked[hot] - UNPUBLISHED_FRAMES <= goes_on_at <= marked[hot]
        with TinyLoad(lane.servers, per_second=200, machines=500, seed=SEED):
            wait_until(
                lambda: len(batches_done(lane)) >= 2, timeout=SECONDS, what="two batches of Spark"
            )
            print(f"longest pauses between frames around Spark's batches, ms: {pauses(lane)}")
        drained(lane)
        assert again.terminate(timeout=60.0) == 143, again.output()[-3000:]
        assert " ERROR " not in again.output()
        # A stop ends the frames: what is in the store is on the topics. What nobody has written
        # down is that the last frame is, so the next start repeats it.
        marked = lane.marked()
        last = lane.start_scoring(settings=REAL_TIME, own_java=True)
        repeated = {p: marked[p] - at for p, at in starts_in(last.output()).items()}
        assert all(0 <= count <= LAST_FRAME for count in repeated.values()), repeated
        assert last.terminate(timeout=60.0) == 143, last.output()[-3000:]
        messages = drained(lane)
        check_conservation(lane, messages)
        check_equals_undisturbed(lane, messages, seed=SEED)


def hot_records(count: int) -> list[Record]:
    """Events of one machine."""
    random_ = random.Random(SEED)
    records: list[Record] = []
    while len(records) < count:
        key, value = tiny_record(random_, machines=1)
        if key == b"machine:0 Gr\xc3\xb6\xc3\x9fe":
            records.append((key, value))
    return records


def starts_in(output: str) -> dict[int, int]:
    """Partition → where the stream went on, by its log."""
    (offsets,) = re.findall(r"scoring \S+ in epoch \d+, generation \d+, from \{(.*)\}", output)
    pairs = (pair.split(":") for pair in offsets.split(","))
    return {int(partition): int(at) for partition, at in pairs}


def pauses(lane: Lane, *, count: int = 6) -> list[int]:
    """The longest times between two frames of a partition, of the newest frames, in ms.

    The restart after the kill is one of them.
    """
    longest: list[int] = []
    with lane.session() as session:
        table = StateTable(session, lane.scenario)
        for partition in range(PARTITIONS):
            markers = table.kept_markers(partition).markers
            written = [marker.written_at_ms for _, marker in markers if marker.written_at_ms]
            longest += [later - sooner for later, sooner in itertools.pairwise(written)]
    return sorted(longest, reverse=True)[:count]


def batches_done(lane: Lane) -> list[str]:
    """Spark's entries about batches that have ended, in the newest checkpoint."""
    folders = sorted((lane.folder / "checkpoints" / "tiny").glob("e1-g*"))
    return [path.name for path in (folders[-1] / "spark" / "commits").glob("[0-9]*")]
