"""Times and customers of the events that a workload generates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MS_PER_DAY = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """n events: customers int64 (n,), times_ms int64 (n,) rising, numbered from `first`."""

    customers: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    first: int = 1


EventMaker = Callable[[np.random.Generator, Wanted], list[bytes]]


def texts_of(times_ms: npt.NDArray[np.int64]) -> Sequence[str]:
    """UTC epoch milliseconds as ISO 8601 with milliseconds and a Z."""
    moments = times_ms.astype("datetime64[ms]")
    texts: list[str] = np.datetime_as_string(moments, unit="ms", timezone="UTC").tolist()
    return texts


def spread_times(events: int, *, until_ms: int, days: float) -> npt.NDArray[np.int64]:
    """Rising times of `events` events, evenly over the `days` before `until_ms`; int64 (n,)."""
    first = until_ms - int(days * _MS_PER_DAY)
    return np.linspace(first, until_ms, num=events, dtype=np.int64)
