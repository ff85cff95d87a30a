"""Bins of values, and how differently two sets of values are distributed."""

import numpy as np
import pytest

from batch.explore.distributions import distribution_change
from batch.explore.value_bins import MISSING, binned

NAN = np.nan


def test_few_numbers_have_a_bin_each_and_missing_values_their_own() -> None:
    bins, words = binned(np.array([3.0, 1.0, NAN, 3.0]))
    assert [words[code] for code in bins.tolist()] == ["3", "1", "missing", "3"]
    assert bins[2] == MISSING


def test_many_numbers_are_cut_at_their_quantiles() -> None:
    values = np.arange(800.0)
    bins, words = binned(values)
    assert np.bincount(bins).tolist() == [100] * 8
    assert (words[0], words[7]) == ("0 to 100", "700 to 799")


def test_codes_are_told_by_their_names_and_unknown_ones_as_codes() -> None:
    bins, words = binned(np.array([1.0, 0.0, 7.0]), names=("low", "high"))
    assert [words[code] for code in bins.tolist()] == ["high", "low", "code 7"]


def test_values_that_are_all_missing_are_one_bin() -> None:
    bins, words = binned(np.array([NAN, NAN]))
    assert [words[code] for code in bins.tolist()] == ["missing", "missing"]


def test_equal_values_have_no_distance() -> None:
    values = np.random.default_rng(1).normal(size=500)
    change = distribution_change("x", values, values)
    assert (change.psi, change.ks, change.verdict) == (0.0, 0.0, "little")


def test_a_shift_by_one_standard_deviation_is_much() -> None:
    values = np.random.default_rng(1).normal(size=2_000)
    change = distribution_change("x", values, values + 1.0)
    assert change.verdict == "much"
    assert change.ks == pytest.approx(0.38, abs=0.03)  # 2 * normal CDF(1/2) - 1
    assert (change.new.mean or 0.0) - (change.old.mean or 0.0) == pytest.approx(1.0)


def test_values_that_went_missing_are_a_change_too() -> None:
    values = np.random.default_rng(1).normal(size=2_000)
    change = distribution_change("x", values, np.where(np.arange(2_000) % 2, values, NAN))
    assert change.verdict == "much"
    assert (change.old.missing_share, change.new.missing_share) == (0.0, 0.5)


def test_the_index_follows_its_formula_for_categories() -> None:
    old, new = np.repeat([0.0, 1.0], [800, 200]), np.repeat([0.0, 1.0], [500, 500])
    change = distribution_change("x", old, new, names=("no", "yes"))
    expected = (0.5 - 0.8) * np.log(0.5 / 0.8) + (0.5 - 0.2) * np.log(0.5 / 0.2)
    assert change.psi == pytest.approx(expected, rel=0.01)
    assert (change.ks, change.old.mean) == (None, None)


def test_a_column_without_values_can_be_compared() -> None:
    empty, full = np.full(100, NAN), np.arange(100.0)
    assert distribution_change("x", empty, empty).psi == 0.0
    assert distribution_change("x", empty, full).verdict == "much"
    assert distribution_change("x", empty, full).ks is None
