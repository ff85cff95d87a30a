"""Which feature tells most about the outcome, and how often it is positive for each value."""

import numpy as np
import pandas as pd
import pytest

from batch.explore.target_by_feature import BinOutcomes, target_by_feature
from scenarios.contract.readable_columns import categories
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_snapshot import ROWS, tiny_rows, tiny_sample


def test_the_planted_association_comes_first() -> None:
    sample = tiny_sample(tiny_rows())
    associations = target_by_feature(sample.features, sample.outcomes, names=categories(SCENARIO))
    assert associations[0].feature == "temperature_c"
    assert associations[0].told_share > 0.3 > 10 * associations[1].told_share
    shares = [value_bin.share for value_bin in associations[0].bins]
    assert shares == sorted(shares)
    assert sum(value_bin.rows for value_bin in associations[0].bins) == ROWS


def test_categories_are_told_by_name_and_missing_values_last() -> None:
    sample = tiny_sample(tiny_rows())
    associations = target_by_feature(sample.features, sample.outcomes, names=categories(SCENARIO))
    by_feature = {association.feature: association for association in associations}
    assert [value_bin.words for value_bin in by_feature["mode"].bins] == ["idle", "normal", "boost"]
    assert by_feature["parts"].bins[-1].words == "missing"


def test_a_feature_that_is_the_outcome_tells_all_of_it() -> None:
    outcomes = np.array([0, 1, 1, 0], dtype=np.int64)
    (association,) = target_by_feature(pd.DataFrame({"x": outcomes * 1.0}), outcomes, names={})
    assert association.told_share == pytest.approx(1.0)


def test_outcomes_that_are_all_alike_leave_nothing_to_tell() -> None:
    outcomes = np.zeros(4, dtype=np.int64)
    (association,) = target_by_feature(
        pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}), outcomes, names={}
    )
    assert association.told_share == 0.0


def test_the_interval_is_wilsons() -> None:
    low, high = BinOutcomes(words="x", rows=10, positives=1).interval
    assert low == pytest.approx(0.0179, abs=1e-4)
    assert high == pytest.approx(0.4042, abs=1e-4)
    assert BinOutcomes(words="x", rows=5, positives=0).interval[0] == pytest.approx(0.0)
