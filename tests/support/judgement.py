"""The three promises that every fault test ends with: nothing lost, nothing twice, equal bytes."""

from tests.support.lane import EVENTS, START_SECONDS, Lane
from tests.support.output_messages import DEAD_LETTERS, Listener, OutputMessages, records_of
from tests.support.processes import wait_until
from tests.support.undisturbed import differences, newest_cells, undisturbed

DRAIN_SECONDS = 480.0
DEAD_LETTER_BYTES = 1_048_576  # as in conf/base.toml


def wait_for_progress(lane: Lane) -> None:
    """Wait until rows of every partition are written that were not before; needs a load."""
    before = lane.marked()
    wait_until(
        lambda: all(at > before[p] for p, at in lane.marked().items()),
        timeout=START_SECONDS,
        what=f"progress from {before}:\n{lane.jobs[-1].output()[-3000:]}",
    )


def drained(lane: Lane, *, timeout: float = DRAIN_SECONDS) -> OutputMessages:
    """All output messages, once every event has its outcome on a topic."""
    ends, begins = lane.ends(), dict(lane.epoch().first_offsets)
    listener = Listener(lane.servers)
    try:
        try:
            wait_until(
                lambda: not listener.listen().missing(begins, ends),
                timeout=timeout,
                what="outcome of every event",
            )
        except TimeoutError as late:
            missing = listener.messages.missing(begins, ends)
            job_output = lane.jobs[-1].output()[-3000:]
            raise AssertionError(
                f"{len(missing)} events up to {ends} have no outcome, first {missing[:5]}, "
                f"markers {lane.marked()}\n{job_output}"
            ) from late
        return listener.messages
    finally:
        listener.close()


def check_conservation(lane: Lane, messages: OutputMessages) -> None:
    """Every offset of the epoch has exactly one outcome; a dead letter is the record as it came."""
    ends, begins = lane.ends(), dict(lane.epoch().first_offsets)
    assert messages.missing(begins, ends) == []
    assert messages.contradictions() == {}
    beyond = [(p, at) for p, at in messages.outcomes if p not in ends or at >= ends[p]]
    assert beyond == []
    events = {
        (partition, record.offset): record
        for partition, records in records_of(lane.servers, EVENTS, ends).items()
        for record in records
    }
    for position, (message,) in messages.outcomes.items():
        if message.topic == DEAD_LETTERS:
            event = events[position]
            assert message.key == event.key
            assert message.value == (event.value and event.value[:DEAD_LETTER_BYTES])
            assert dict(message.headers)["source_timestamp_ms"] == str(event.timestamp).encode()


def check_equals_undisturbed(lane: Lane, messages: OutputMessages, *, seed: int) -> None:
    """Rows and messages are those of a replay without faults, byte for byte."""
    expected = undisturbed(lane, seed=seed)
    assert differences(newest_cells(lane.store), newest_cells(lane.undisturbed)) == {}
    assert messages.outcomes == expected.outcomes
    assert messages.reviews == expected.reviews
