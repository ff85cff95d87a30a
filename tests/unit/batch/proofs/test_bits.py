"""Floats are compared to the last bit."""

import math

import numpy as np

from batch.proofs.recompute.bits import compared, same_bits

NAN = math.nan


def test_each_place_is_equal_different_or_missing() -> None:
    logged = np.array([1.0, 1.0, NAN, NAN, 2.0, 0.0])
    recomputed = np.array([1.0, math.nextafter(1.0, 2.0), NAN, 3.0, NAN, -0.0])
    comparison = compared(logged, recomputed)
    assert comparison.equal.tolist() == [True, False, True, False, False, False]
    assert comparison.different.tolist() == [False, True, False, False, False, True]
    assert comparison.missing.tolist() == [False, False, False, True, True, False]
    assert comparison.distance[1] == 2.0**-52
    assert comparison.distance[0] == comparison.distance[2] == 0.0


def test_missing_values_are_equal_whatever_their_bits() -> None:
    other_nan = np.array([0x7FF8000000000001], dtype=np.int64).view(np.float64)[0]
    assert same_bits(NAN, float(other_nan))
    assert not same_bits(0.1 + 0.2, 0.3)


def test_a_column_of_a_matrix_is_compared_too() -> None:
    matrix = np.arange(6.0).reshape(3, 2)
    assert compared(matrix[:, 1], matrix[:, 1].copy()).equal.all()
