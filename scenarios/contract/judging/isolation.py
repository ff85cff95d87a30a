"""Results of a batch some of whose rows may raise: those are isolated at a bounded cost."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Result = TypeVar("Result")

# The machine's fault, not a row's: the batch is run again, nothing is refused for it.
NOT_OF_A_ROW = (MemoryError, OSError, ImportError)

# Halves that are tried: some 80 rows that raise are found one by one among 120,000, for about ten
# times the cost of the batch; beyond that, rows beside one that raises are given up with it.
MOST_CALLS = 2_000
# A group larger than this of which so many rows, evenly spaced, all raise alone is not searched
# for good ones: with 90 % bad rows that misses the rest in 3 of 100 cases.
_SMALL_GROUP = 500
_PROBES = 32


@dataclass(frozen=True)
class Failure:
    """Rows for which `error` was raised, by themselves or (`is_exact` false) by one among them."""

    rows: Rows
    error: Exception
    is_exact: bool


@dataclass(frozen=True)
class Isolated(Generic[Result]):
    """Results of groups of rows, and what failed; every row is in exactly one of them."""

    parts: list[tuple[Rows, Result]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def isolated(
    rows: Rows,
    evaluate: Callable[[Rows], Result],
    *,
    kinds: Callable[[Rows], npt.NDArray[np.int64]],
    most_calls: int = MOST_CALLS,
) -> Isolated[Result]:
    """`evaluate(rows)` in one call; only when that raises, of ever smaller parts of `rows`.

    A row's result must not depend on the rows beside it. `kinds(rows)` gives each row a number, of
    which there are few: rows of one kind (those with the same values missing) are tried together
    first, because they often fail together. A part that raises is halved, the largest first, up to
    `most_calls` calls; what still raises then is a failure as a whole. Errors `NOT_OF_A_ROW` are
    raised.
    """
    outcome: Isolated[Result] = Isolated()
    if not len(rows):
        return outcome
    error = _tried(outcome, rows, evaluate)
    if error is None:
        return outcome
    if len(rows) == 1:
        outcome.failures.append(Failure(rows, error, is_exact=True))
        return outcome
    order = count()
    waiting: list[tuple[int, int, Rows]] = []

    def add(part: Rows) -> None:
        heapq.heappush(waiting, (-len(part), next(order), part))

    calls_left = most_calls
    for kind in _by_kind(rows, kinds):
        calls_left -= 1
        failed = error if len(kind) == len(rows) else _tried(outcome, kind, evaluate)
        if failed is None:
            continue
        if len(kind) == 1 or (len(kind) > _SMALL_GROUP and _all_raise(kind, evaluate)):
            outcome.failures.append(Failure(kind, failed, is_exact=len(kind) == 1))
        else:
            for half in np.array_split(kind, 2):
                add(half)
    while waiting:
        _, _, part = heapq.heappop(waiting)
        calls_left -= 1
        failed = _tried(outcome, part, evaluate)
        if failed is None:
            continue
        if len(part) == 1 or calls_left <= 0:
            outcome.failures.append(Failure(part, failed, is_exact=len(part) == 1))
            continue
        for half in np.array_split(part, 2):
            add(half)
    return outcome


def _tried(
    outcome: Isolated[Result], rows: Rows, evaluate: Callable[[Rows], Result]
) -> Exception | None:
    """Add the result of `rows` to `outcome`; the error when there is none."""
    try:
        result = evaluate(rows)
    except NOT_OF_A_ROW:
        raise
    except Exception as error:  # whatever a model, an explainer or a policy raises
        return error
    outcome.parts.append((rows, result))
    return None


def _all_raise(rows: Rows, evaluate: Callable[[Rows], Result]) -> bool:
    probes = np.unique(np.linspace(0, len(rows) - 1, _PROBES).astype(np.int64))
    scratch: Isolated[Result] = Isolated()
    return all(_tried(scratch, rows[at : at + 1], evaluate) for at in probes.tolist())


def _by_kind(rows: Rows, kinds: Callable[[Rows], npt.NDArray[np.int64]]) -> Iterator[Rows]:
    numbers, kind_of = np.unique(kinds(rows), return_inverse=True)
    for number in range(len(numbers)):
        yield rows[kind_of == number]
