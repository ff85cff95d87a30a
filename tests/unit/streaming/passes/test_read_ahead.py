"""The next batch is fetched while the current one is worked on; order and errors stay."""

import threading
from collections.abc import Iterator

import pytest

from streaming.passes.read_ahead import read_ahead


def numbers(count: int, *, fails_at: int | None = None) -> Iterator[int]:
    for number in range(count):
        if number == fails_at:
            raise OSError(f"no number {number}")
        yield number


@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_items_come_in_order_with_and_without_a_thread(count: int) -> None:
    assert list(read_ahead(numbers(count), pays=lambda _: True)) == list(range(count))
    assert list(read_ahead(numbers(count), pays=lambda _: False)) == list(range(count))
    assert list(read_ahead(numbers(count), pays=lambda n: n == 3)) == list(range(count))


def test_the_next_item_is_fetched_while_this_one_is_worked_on() -> None:
    was_asked = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        was_asked.set()
        yield 1

    items = read_ahead(source(), pays=lambda _: True)
    assert next(items) == 0
    # The second is asked for only once the thread runs, which is when the first is handed out.
    assert was_asked.wait(timeout=10)
    assert list(items) == [1]


def test_a_batch_that_is_too_small_starts_no_thread() -> None:
    before = threading.active_count()
    items = read_ahead(numbers(3), pays=lambda _: False)
    next(items)
    assert threading.active_count() == before


def test_an_error_of_the_source_comes_after_the_items_before_it() -> None:
    items = read_ahead(numbers(5, fails_at=2), pays=lambda _: True)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(OSError, match="no number 2"):
        next(items)
