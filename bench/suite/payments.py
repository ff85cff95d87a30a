"""Events of the workload with history: card payments at terminals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bench.suite.times import Wanted, texts_of

TERMINALS = 10_000
_EVENT = (
    '{"type":"payment","customer_id":"%d","event_time":"%s","payment_id":%d,"terminal_id":%d,'
    '"amount_usd":%.2f}'
)


def payments(random: np.random.Generator, wanted: Wanted) -> list[bytes]:
    """The wanted payments as JSON, in order; their number is their payment_id."""
    customers = wanted.customers.tolist()
    ids = range(wanted.first, wanted.first + len(customers))
    terminals = random.integers(0, TERMINALS, size=len(customers)).tolist()
    amounts = np.clip(_amounts(len(customers), random), 0.01, 5_000.0)
    rows = zip(customers, texts_of(wanted.times_ms), ids, terminals, amounts.tolist(), strict=True)
    return [(_EVENT % row).encode() for row in rows]


def payment_features(
    names: Sequence[str], rows: int, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Feature rows in the ranges that the features' names promise, float64 (rows, names)."""
    return np.column_stack([_feature(name, rows, random) for name in names])


def _feature(name: str, rows: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    if name.startswith("is_"):
        return random.integers(0, 2, size=rows).astype(np.float64)
    if "count" in name:
        return random.geometric(0.1, size=rows).astype(np.float64)
    if "share" in name:
        return random.beta(0.1, 5.0, size=rows)
    return _amounts(rows, random)


def _amounts(count: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Median 40, one in a hundred above 410."""
    return random.lognormal(np.log(40.0), 1.0, size=count)
