"""Which rows show progress, and what rate the times of the steps amount to."""

import numpy as np
import pytest

from bench.suite.observations.progress import Progress
from bench.suite.observations.steps import Mark, TooFewEvents, steps_of, window_of


def mark(number: int, at_seconds: float, *, partition: int = 0, events: int = 10) -> Mark:
    return Mark(partition=partition, number=number, events=events, at_seconds=at_seconds)


def test_a_step_is_told_by_its_last_events_of_distinct_customers() -> None:
    customers = np.array([9] * 95 + [1, 2, 3, 3, 2], dtype=np.int64)
    last = steps_of({0: customers}, steps=10)[0][-1]
    assert last.picks == {"2": 99, "3": 98, "1": 95}


def test_a_step_of_one_customer_is_told_by_the_last_event() -> None:
    steps = steps_of({0: np.full(100, 7, dtype=np.int64)}, steps=10)[0]
    assert [step.picks for step in steps][:2] == [{"7": 9}, {"7": 19}]


def test_steps_of_every_partition_hold_all_of_its_events() -> None:
    steps = steps_of({0: np.arange(107), 1: np.arange(10)}, steps=10)
    assert [sum(step.events for step in partition_steps) for partition_steps in steps.values()] == [
        107,
        10,
    ]
    assert [step.number for step in steps[1]] == list(range(1, 11))


def test_too_few_events_are_refused_with_the_option_to_change() -> None:
    with pytest.raises(TooFewEvents, match=r"partition 1 has 9 events.*--events"):
        steps_of({0: np.arange(20), 1: np.arange(9)}, steps=10)


def test_the_window_leaves_the_first_events_out() -> None:
    window = window_of([mark(number, 50.0 + number) for number in range(1, 11)])
    assert (window.begin_seconds, window.end_seconds, window.events) == (54.0, 60.0, 60)
    assert window.events_per_second == 10.0


def test_a_run_whose_time_is_over_counts_what_it_did() -> None:
    window = window_of([mark(number, 50.0 + number) for number in range(1, 5)])
    assert (window.begin_seconds, window.end_seconds, window.events) == (52.0, 54.0, 20)


@pytest.mark.parametrize("steps_per_batch", [1, 2, 3, 4, 5, 7])
def test_large_batches_do_not_look_faster_than_they_are(steps_per_batch: int) -> None:
    # Ten events per second; the rows of a batch are all written within its last tenth.
    marks = []
    for number in range(1, 81):
        batch, place = divmod(number - 1, steps_per_batch)
        ends = (batch + 1) * steps_per_batch
        marks.append(mark(number, ends - 0.1 * (steps_per_batch - place - 1)))
    whole = marks[: 80 // steps_per_batch * steps_per_batch]
    assert window_of(whole).events_per_second == pytest.approx(10.0)


def test_a_run_that_hardly_began_has_no_rate() -> None:
    with pytest.raises(TooFewEvents, match="fewer --events"):
        window_of([mark(1, 50.0), mark(2, 60.0)])


def test_partitions_read_one_after_the_other_do_not_look_faster_than_they_are() -> None:
    # 200 events at one event per second, first all of partition 0, then all of partition 1.
    first = [mark(number, 10.0 * number) for number in range(1, 11)]
    second = [mark(number, 100.0 + 10.0 * number, partition=1) for number in range(1, 11)]
    assert window_of([*second, *first]).events_per_second == pytest.approx(1.0)


def test_partitions_of_other_sizes_count_by_their_events() -> None:
    large = [mark(number, float(number), events=90) for number in range(1, 11)]
    small = [mark(number, float(number) - 0.5, partition=1) for number in range(1, 11)]
    window = window_of([*large, *small])
    assert (window.begin_seconds, window.events) == (4.0, 600)


def test_a_load_that_is_done_between_two_looks_has_no_rate() -> None:
    with pytest.raises(TooFewEvents, match="ask for more --events"):
        window_of([mark(number, 5.0) for number in range(1, 11)])


def test_progress_marks_steps_in_order_and_asks_for_the_next_rows() -> None:
    progress = Progress(steps_of({0: np.arange(30), 1: np.arange(100, 130)}, steps=10))
    assert set(progress.next_customers()) == {"0", "1", "2", "100", "101", "102"}
    assert not progress.take({"0": 0, "1": 1, "2": 1}, at_seconds=1.0)
    assert progress.take({"0": 0, "1": 1, "2": 2}, at_seconds=2.0)
    assert set(progress.next_customers()) == {"3", "4", "5", "100", "101", "102"}
    assert [(mark.partition, mark.number, mark.at_seconds) for mark in progress.marks] == [
        (0, 1, 2.0)
    ]


def test_a_later_event_of_a_customer_shows_the_picked_one_too() -> None:
    progress = Progress(steps_of({0: np.zeros(10, dtype=np.int64)}, steps=10))
    while not progress.is_done:
        assert progress.take({"0": 9}, at_seconds=3.0)
    assert len(progress.marks) == 10
    assert progress.next_customers() == []
