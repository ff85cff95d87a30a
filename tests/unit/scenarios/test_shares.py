"""Shares of a population: the same choice one by one and all at once."""

import pytest

from scenarios.contract.shares import in_share, is_in_share

IDS = [f"customer {number} ö 客" for number in range(2000)]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_many_at_once_are_chosen_as_one_by_one(share: float) -> None:
    memberships = in_share(IDS, share, salt="churn:control")
    assert memberships.tolist() == [
        is_in_share(entity, share, salt="churn:control") for entity in IDS
    ]
    assert in_share([], share, salt="churn:control").tolist() == []


def test_a_share_has_about_its_size_and_salts_choose_differently() -> None:
    one, other = (in_share(IDS, 0.2, salt=salt) for salt in ("a", "b"))
    assert 0.15 < one.mean() < 0.25
    assert (one != other).any()
