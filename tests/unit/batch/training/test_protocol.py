"""The protocol's rows: which days train, which test, and whose cards are left out."""

from datetime import date

import numpy as np
import pytest

from batch.training.protocol import OutsideHistory, Protocol, days_of, split

SHORT = Protocol(train_days=2, delay_days=2, test_days=2)
FIRST_DAY = 17_622  # 2018-04-01


def _split(rows: list[tuple[int, int, int]]) -> tuple[list[int], list[int], int]:
    """Rows are (day, card, outcome), days from 2018-04-01; the test begins on day 4."""
    days, cards, outcomes = (np.array(column) for column in zip(*rows, strict=True))
    parts = split(days + FIRST_DAY, cards, outcomes, test_start=date(2018, 4, 5), protocol=SHORT)
    return (
        np.flatnonzero(parts.train).tolist(),
        np.flatnonzero(parts.test).tolist(),
        parts.removed,
    )


def test_train_then_wait_then_test() -> None:
    rows = [(day, 100 + day, 0) for day in range(7)]
    assert _split(rows) == ([0, 1], [4, 5], 0)


def test_cards_with_a_fraud_on_a_training_day_are_not_tested() -> None:
    rows = [(0, 1, 1), (1, 2, 0), (4, 1, 0), (4, 2, 1), (5, 1, 1), (5, 3, 0)]
    assert _split(rows) == ([0, 1], [3, 5], 2)


def test_a_fraud_of_the_delay_is_known_only_when_its_verdict_is_there() -> None:
    # The fraud of day 2 is known on day 5 (more than two days later), not on day 4.
    rows = [(0, 9, 0), (2, 1, 1), (4, 1, 0), (5, 1, 0)]
    assert _split(rows) == ([0], [2], 1)


def test_a_fraud_of_the_test_itself_removes_nothing() -> None:
    rows = [(0, 9, 0), (4, 1, 1), (5, 1, 1)]
    assert _split(rows) == ([0], [1, 2], 0)


def test_a_fraud_before_the_training_removes_nothing() -> None:
    days = np.array([-1, 0, 4, 5]) + FIRST_DAY
    parts = split(
        days,
        np.array([1, 2, 1, 1]),
        np.array([1, 0, 0, 0]),
        test_start=date(2018, 4, 5),
        protocol=SHORT,
    )
    assert parts.test.tolist() == [False, False, True, True]


def test_dates_beyond_the_history_are_refused_with_those_that_are_not() -> None:
    days = np.arange(4) + FIRST_DAY
    with pytest.raises(OutsideHistory, match="2018-04-01 to 2018-04-04"):
        split(days, days, days * 0, test_start=date(2018, 4, 5), protocol=SHORT)


def test_days_are_utc_days() -> None:
    last_ms, next_ms = FIRST_DAY * 86_400_000 + 86_399_999, (FIRST_DAY + 1) * 86_400_000
    assert days_of(np.array([last_ms, next_ms])).tolist() == [FIRST_DAY, FIRST_DAY + 1]


def test_the_verdicts_of_validation_weeks_are_known_when_the_test_begins() -> None:
    starts = Protocol().validation_starts(date(2018, 6, 11), 3)
    assert starts == [date(2018, 5, 14), date(2018, 5, 21), date(2018, 5, 28)]
