"""The probe set is frozen, and has what models fail on."""

import hashlib

import numpy as np
import pytest

from scenarios.contract.probe_set import ROWS, TRIAL_ROWS, probe_rows, trial_rows
from scenarios.contract.scenario import Scenario
from tests.scenarios.shops import SCENARIO as SHOPS
from tests.scenarios.tiny import SCENARIO

MODE = SCENARIO.feature_names.index("mode")


def test_it_is_the_same_every_time() -> None:
    rows = probe_rows(SCENARIO)
    assert rows.tobytes() == probe_rows(SCENARIO).tobytes()
    assert hashlib.sha256(rows.tobytes()).hexdigest()[:16] == "94f4ca83369ebebf"


@pytest.mark.parametrize("scenario", [SCENARIO, SHOPS])
def test_it_has_gaps_extremes_and_random_rows_exact_in_float32(scenario: Scenario) -> None:
    rows = probe_rows(scenario)
    assert rows.shape == (ROWS, len(scenario.feature_names))
    assert not np.isinf(rows).any()
    assert rows.astype(np.float32).astype(np.float64).tobytes() == rows.tobytes()
    assert 0.05 < np.isnan(rows).mean() < 0.4
    assert np.nanmax(rows) == 1e9
    assert np.nanmin(rows) == -1e9
    trial = trial_rows(scenario).astype(np.float32).astype(np.float64)
    assert rows[:TRIAL_ROWS].tobytes() == trial.tobytes()


def test_categories_have_codes_that_exist_and_some_that_do_not() -> None:
    codes = probe_rows(SCENARIO)[:, MODE]
    assert set(codes[~np.isnan(codes)]) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    assert np.nanmean(codes > 2) < 0.2


def test_the_required_feature_is_never_missing() -> None:
    column = SCENARIO.feature_names.index("temperature_c")
    assert not np.isnan(probe_rows(SCENARIO)[:, column]).any()
