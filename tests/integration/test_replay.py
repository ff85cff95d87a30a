"""Older offsets again, new models meanwhile, a stop in a batch: no byte and no event is lost."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from stores.hbase.predictions import reader
from stores.hbase.states import StateTable
from stores.records.control import LoadFailure, load_failures
from tests.support.judgement import check_conservation, check_equals_undisturbed, drained
from tests.support.lane import PARTITIONS, Lane
from tests.support.output_messages import Listener, OutputMessages
from tests.support.processes import wait_until
from tests.support.tiny_load import TinyLoad, publish, tiny_record
from tests.support.tiny_model import deploy, reading, save_tiny_model
from tests.support.undisturbed import newest_cells

SEED = 5
SWITCH_SECONDS = 60.0
BURST = 40_000


def test_a_replay_from_the_middle_of_batches_changes_not_one_byte(lane: Lane) -> None:
    first = lane.start_scoring()
    with TinyLoad(lane.servers, per_second=400, machines=1_000, seed=SEED) as load:
        wait_until(lambda: load.sent > 6_000, timeout=120.0, what="6,000 events")
    drained(lane)
    assert first.terminate() == 143, first.output()[-3000:]
    before, ends = newest_cells(lane.store), lane.ends()
    begins = {partition: inside_a_batch(lane, partition) for partition in range(PARTITIONS)}

    begin = ",".join(f"{p}:{at}" for p, at in begins.items())
    lane.start_scoring("--replay-from", begin, own_java=True)  # a later test stops it for a while
    messages = repeated_messages(lane, [(p, at) for p in ends for at in range(begins[p], ends[p])])
    assert newest_cells(lane.store) == before
    check_conservation(lane, messages)
    check_equals_undisturbed(lane, messages, seed=SEED)


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_scoring_and_a_good_one_takes_over(
    lane: Lane, tmp_path: Path
) -> None:
    (job,) = [job for job in lane.jobs if job.process.poll() is None]
    missing = replace(save_tiny_model(tmp_path / "2", seed=2), artifact_uri=str(tmp_path / "none"))
    corrupt = save_tiny_model(tmp_path / "3", seed=3)
    (tmp_path / "3" / "model.skops").write_bytes(b"not a model")
    with TinyLoad(lane.servers, per_second=200, machines=500, seed=SEED):
        for faulty in (missing, corrupt):
            counted, _ = load_failure(lane)
            deploy(lane.store, faulty)
            wait_for_failure(lane, faulty.version)
            assert load_failure(lane)[0] > counted
            assert version_that_scores(lane) == "1"
        deploy(lane.store, save_tiny_model(tmp_path / "4", seed=4))
        wait_until(
            lambda: version_that_scores(lane) == "4", timeout=SWITCH_SECONDS, what="version 4"
        )
    messages = drained(lane)
    assert "restart" not in job.output()
    check_conservation(lane, messages)


def test_a_signal_lets_the_batch_at_hand_tell_what_is_in_the_store(lane: Lane) -> None:
    running = [job for job in lane.jobs if job.process.poll() is None]
    job = running[0] if running else lane.start_scoring(own_java=True)
    random_ = random.Random(SEED)
    with job.paused("jvm"):  # so that all of them are one batch, the messages of which take a while
        publish(lane.servers, [tiny_record(random_, machines=1_000) for _ in range(BURST)])
    ends = lane.ends()
    wait_until(lambda: lane.marked() == ends, timeout=SWITCH_SECONDS, what="the markers")
    assert job.terminate() == 143, job.output()[-3000:]
    messages = drained(lane, timeout=0.0)
    assert "Traceback" not in job.output()
    check_conservation(lane, messages)


def repeated_messages(lane: Lane, positions: Sequence[tuple[int, int]]) -> OutputMessages:
    """All output messages, once each of `positions` has two outcomes."""
    listener = Listener(lane.servers)

    def are_repeated() -> bool:
        occurrences = listener.listen().occurrences
        return all(occurrences[position] >= 2 for position in positions)

    try:
        wait_until(
            are_repeated,
            timeout=120.0,
            what=f"second outcome of {len(positions)} events:\n{lane.jobs[-1].output()[-3000:]}",
        )
        return listener.messages
    finally:
        listener.close()


def wait_for_failure(lane: Lane, version: str) -> None:
    """Wait until the last counted failure is one to load `version`."""
    wait_until(
        lambda: load_failure(lane)[1].version == version,
        timeout=SWITCH_SECONDS,
        what=f"counted failure to load version {version}",
    )


def load_failure(lane: Lane) -> tuple[int, LoadFailure]:
    """How many failures were counted, and the last one."""
    with lane.session() as session:
        count, failure = load_failures(session, "tiny")
    return count, failure or LoadFailure(version="none", message="", at_ms=0)


def version_that_scores(lane: Lane) -> str:
    """The model version of a new event's prediction."""
    machine = "a machine asked about"
    ((partition, offset),) = publish(
        lane.servers, [(machine.encode(), reading(machine, seconds=1, temperature_c=50.0))]
    )
    with reader(lane.store, "tiny") as rows:
        wait_until(
            lambda: (row := rows.latest(machine)) is not None and row.source.offset >= offset,
            timeout=SWITCH_SECONDS,
            what=f"row of {machine} from {partition}:{offset}",
        )
        row = rows.latest(machine)
    assert row is not None
    return row.model.version


def inside_a_batch(lane: Lane, partition: int) -> int:
    """An offset in the middle of a batch, about a third into what was scored."""
    with lane.session() as session:
        markers = StateTable(session, "tiny").kept_markers(partition).markers
    ends = sorted(marker.offset + 1 for _, marker in markers)
    wide = [(a, b) for a, b in pairwise(ends) if b - a > 2]
    begin, end = wide[len(wide) // 3]
    return random.Random(SEED).randrange(begin + 1, end)
