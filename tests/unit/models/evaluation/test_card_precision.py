"""Card precision against a case worked out by hand."""

import numpy as np
import pytest

from models.evaluation.card_precision import card_precision


def test_a_hand_computed_case() -> None:
    # day, card, outcome, score; the two most suspicious cards of a day are looked at.
    rows = [
        (1, 10, 0, 0.9),  # card 10: 0.9, compromised by its other payment
        (1, 10, 1, 0.1),
        (1, 11, 0, 0.8),  # card 11: 0.8, not compromised
        (1, 12, 1, 0.7),  # card 12: third, so missed
        (2, 10, 1, 0.99),  # detected on day 1, so left out
        (2, 12, 1, 0.6),  # first of day 2
        (2, 13, 1, 0.5),  # second of day 2
        (2, 11, 0, 0.4),
    ]
    days, cards, outcomes, scores = (np.array(column) for column in zip(*rows, strict=True))
    precision = card_precision(days, cards, outcomes, scores, top=2)
    assert precision.per_day == (0.5, 1.0)
    assert precision.mean == 0.75
    assert precision.compromised_per_day == (2, 2)


def test_a_day_with_fewer_cards_than_can_be_checked_is_still_divided_by_all() -> None:
    precision = card_precision(
        np.array([1]), np.array([5]), np.array([1]), np.array([0.2]), top=100
    )
    assert precision.mean == pytest.approx(0.01)


def test_equal_scores_do_not_depend_on_the_order_of_the_rows() -> None:
    days, scores = np.zeros(4, dtype=np.int64), np.full(4, 0.5)
    cards, outcomes = np.array([4, 3, 2, 1]), np.array([0, 0, 1, 0])
    forwards = card_precision(days, cards, outcomes, scores, top=2)
    backwards = card_precision(days, cards[::-1], outcomes[::-1], scores, top=2)
    assert forwards == backwards
    assert forwards.mean == 0.5  # cards 1 and 2
