"""Reasons: the largest contributions, in business words, the same in every replay."""

import numpy as np

from scenarios.contract.judging.reasons import MOST_REASONS, ReasonTeller
from tests.scenarios.tiny import SCENARIO

NAMES = SCENARIO.plan.feature_names


def row(**values: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One row of the scenario's matrix; features without a value are 0."""
    return np.array([[values.get(name, 0.0) for name in NAMES]])


def test_the_largest_come_first_with_direction_and_words() -> None:
    shares = row(temperature_c=0.5, mode=-0.9, readings=0.1, parts=0.01)
    (reasons,) = ReasonTeller(SCENARIO).tell(shares, row(temperature_c=101.6, mode=2, readings=4))
    assert [reason.code for reason in reasons] == ["mode", "temperature_c", "readings"]
    assert len(reasons) == MOST_REASONS
    assert [reason.direction for reason in reasons] == ["lowers", "raises", "raises"]
    assert [reason.text for reason in reasons[:2]] == ["runs in mode boost", "102 °C"]
    assert reasons[0].value == "boost"


def test_a_missing_value_is_said_to_be_unknown() -> None:
    (reasons,) = ReasonTeller(SCENARIO).tell(row(mode=1.0), row(mode=np.nan))
    assert [(reason.text, reason.value) for reason in reasons] == [("mode is not known", None)]


def test_equal_contributions_keep_the_declared_order_and_none_are_left_out() -> None:
    (reasons,) = ReasonTeller(SCENARIO).tell(row(heat=0.2, readings=-0.2), row())
    assert [reason.code for reason in reasons] == ["readings", "heat"]
