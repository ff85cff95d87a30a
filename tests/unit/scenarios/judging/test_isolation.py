"""Rows that raise are found, their neighbours keep their results, and the search is bounded."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from scenarios.contract.judging.isolation import Isolated, isolated

Rows = npt.NDArray[np.int64]


@dataclass
class Squares:
    """Squares of rows, unless a bad one is among them; counts what that costs."""

    bad: set[int]
    calls: int = 0
    evaluated: int = 0
    errors: dict[str, type[Exception]] = field(default_factory=dict)

    def __call__(self, rows: Rows) -> Rows:
        self.calls += 1
        self.evaluated += len(rows)
        if worst := self.bad & set(rows.tolist()):
            raise ValueError(f"row {min(worst)}")
        squares: Rows = rows * rows
        return squares


def alike(rows: Rows) -> Rows:
    return np.zeros(len(rows), dtype=np.int64)


def failed(result: Isolated[Rows]) -> set[int]:
    return {row for failure in result.failures for row in failure.rows.tolist()}


def check_whole(result: Isolated[Rows], count: int) -> None:
    rows = [row for part, _ in result.parts for row in part.tolist()] + [
        row for failure in result.failures for row in failure.rows.tolist()
    ]
    assert sorted(rows) == list(range(count))
    for part, squares in result.parts:
        assert squares.tolist() == (part * part).tolist()


def test_without_a_bad_row_everything_is_evaluated_at_once() -> None:
    squares = Squares(set())
    check_whole(isolated(np.arange(100), squares, kinds=alike), 100)
    assert squares.calls == 1


@pytest.mark.parametrize(
    "bad", [{0}, {99}, {50}, {3, 4, 90}, set(range(0, 100, 7)), {0, 1, 98, 99}]
)
def test_exactly_the_bad_rows_fail_each_with_its_own_error(bad: set[int]) -> None:
    result = isolated(np.arange(100), Squares(bad), kinds=alike)
    check_whole(result, 100)
    assert failed(result) == bad
    assert {str(failure.error) for failure in result.failures} == {f"row {row}" for row in bad}
    assert all(failure.is_exact for failure in result.failures)


def test_one_bad_row_of_many_costs_about_three_times_the_batch() -> None:
    squares = Squares({77_777})
    result = isolated(np.arange(120_000), squares, kinds=alike)
    assert failed(result) == {77_777}
    assert squares.evaluated < 4 * 120_000
    assert squares.calls < 60


def test_where_every_row_fails_the_search_ends_at_once() -> None:
    squares = Squares(set(range(120_000)))
    result = isolated(np.arange(120_000), squares, kinds=alike)
    assert failed(result) == set(range(120_000))
    assert squares.calls < 40


def test_rows_of_the_kind_that_fails_cost_the_other_kinds_nothing() -> None:
    bad = set(range(0, 120_000, 3))
    squares = Squares(bad)
    result = isolated(np.arange(120_000), squares, kinds=lambda rows: (rows % 3 == 0) * 1)
    check_whole(result, 120_000)
    assert failed(result) == bad
    assert squares.calls < 40


def test_many_scattered_bad_rows_are_searched_for_within_a_bound() -> None:
    bad = set(range(0, 120_000, 500))
    squares = Squares(bad)
    result = isolated(np.arange(120_000), squares, kinds=alike)
    check_whole(result, 120_000)
    assert bad <= failed(result)
    assert len(failed(result)) < 0.1 * 120_000
    assert squares.calls <= 3 * 2_000
    assert any(not failure.is_exact for failure in result.failures)


def test_the_machines_trouble_is_no_rows_fault() -> None:
    for trouble in (MemoryError("no memory"), OSError("disk"), ImportError("shap")):

        def evaluate(rows: Rows, trouble: Exception = trouble) -> Rows:
            raise trouble

        with pytest.raises(type(trouble)):
            isolated(np.arange(3), evaluate, kinds=alike)


def test_nothing_is_evaluated_for_no_rows() -> None:
    squares = Squares(set())
    result = isolated(np.arange(0), squares, kinds=alike)
    assert (result.parts, result.failures, squares.calls) == ([], [], 0)
