"""Numbers compared to the last bit; a missing value (NaN) equals a missing value."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Compared:
    """Of two float64 arrays of one shape: equal, different, one of them missing; |difference|."""

    equal: Flags
    different: Flags
    missing: Flags
    distance: Floats


def compared(logged: Floats, recomputed: Floats) -> Compared:
    """Every place is exactly one of equal, different and missing; 0.0 and -0.0 are different.

    `distance` is 0 where equal and NaN where missing.
    """
    no_logged, no_recomputed = np.isnan(logged), np.isnan(recomputed)
    same_bits = _bits(logged) == _bits(recomputed)
    equal = same_bits | (no_logged & no_recomputed)
    missing = no_logged ^ no_recomputed
    with np.errstate(invalid="ignore"):
        distance = np.where(equal, 0.0, np.abs(logged - recomputed))
    return Compared(equal, ~equal & ~missing, missing, distance)


def same_bits(first: float, second: float) -> bool:
    """Whether two floats are equal to the last bit, or both NaN."""
    return bool(compared(np.array([first]), np.array([second])).equal[0])


def _bits(values: Floats) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
