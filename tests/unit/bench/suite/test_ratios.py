"""Medians, ranges and ratios over rounds."""

from bench.suite.report.ratios import Spread, fastest_of, ratio_of, spread_of


def test_a_spread_tells_median_and_range() -> None:
    assert spread_of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)
    assert spread_of([3000.0, 1000.0, 2000.4]).text() == "2,000 (1,000..3,000)"  # type: ignore[union-attr]


def test_one_round_has_no_range() -> None:
    assert Spread(1.256, 1.256, 1.256, 1).text(2) == "1.26"


def test_of_nothing_there_is_no_spread() -> None:
    assert spread_of([]) is None
    assert ratio_of({1: 2.0}, {2: 1.0}) is None


def test_ratios_are_made_round_by_round_where_both_ran() -> None:
    assert ratio_of({1: 10.0, 2: 30.0, 3: 5.0}, {1: 10.0, 2: 10.0}) == Spread(2.0, 1.0, 3.0, 2)


def test_the_fastest_may_be_another_system_in_each_round() -> None:
    assert fastest_of([{1: 5.0, 2: 9.0}, {1: 7.0}, {}]) == {1: 7.0, 2: 9.0}
