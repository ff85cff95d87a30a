"""The frozen probe set of a scenario: rows on which every format of a version must agree.

The rows depend on the scenario's declaration alone, so that they are the same on every machine and
for every version: values of all sizes, extremes, missing values, codes that no category has.
"""

import numpy as np
import numpy.typing as npt

from features.definitions import LastValue
from features.schema import Category, Number
from scenarios.contract.scenario import Scenario

ROWS = 512
TRIAL_ROWS = 24
_COMPLETE = 16  # rows at the beginning without missing values
_SEED = 0
_LARGEST = 1e9


def probe_rows(scenario: Scenario) -> npt.NDArray[np.float64]:
    """`ROWS` rows (n, k), in the order of the scenario's features, exact in float32.

    The first are `trial_rows`, which features may have. Of the others an eighth have a category's
    code that does not exist, an eighth a value at or beyond the end of a declared range, a quarter
    many missing values. The required feature is never missing. Float32, because several formats
    store and compare float32: beyond it a difference would be of rounding, not of the model.
    """
    random = np.random.default_rng(_SEED + 1)
    rows = np.vstack([trial_rows(scenario), _plausible(scenario, random, ROWS - TRIAL_ROWS)])
    kinds = np.arange(ROWS) % 8
    for column, feature in enumerate(scenario.all_features):
        codes = category_codes(scenario, feature)
        later = np.arange(ROWS) >= TRIAL_ROWS
        unseen = later & (kinds == 1) & (random.random(ROWS) < 0.5)
        extreme = later & (kinds == 2) & (random.random(ROWS) < 0.5)
        if codes:
            rows[unseen, column] = random.integers(codes, codes + 3, int(unseen.sum()))
        else:
            rows[extreme, column] = random.choice(_ends(scenario, feature), int(extreme.sum()))
    missing = random.random(rows.shape) < np.where(kinds >= 6, 0.5, 0.05)[:, None]
    missing[:TRIAL_ROWS] = False
    if scenario.required_feature is not None:
        missing[:, scenario.feature_names.index(scenario.required_feature)] = False
    rows[missing] = np.nan
    return rows.astype(np.float32).astype(np.float64)


def trial_rows(scenario: Scenario) -> npt.NDArray[np.float64]:
    """`TRIAL_ROWS` rows (n, k) of values that features may have, the first 16 complete."""
    random = np.random.default_rng(_SEED)
    rows = _plausible(scenario, random, TRIAL_ROWS)
    missing = random.random(rows.shape) < 0.3
    missing[:_COMPLETE] = False
    if scenario.required_feature is not None:
        missing[:, scenario.feature_names.index(scenario.required_feature)] = False
    rows[missing] = np.nan
    return rows


def category_codes(scenario: Scenario, feature: object) -> int:
    """How many codes the last value of a category may have; 0 for all other features."""
    if not isinstance(feature, LastValue):
        return 0
    declared = scenario.schema.fields.get(feature.field)
    return len(declared.values) if isinstance(declared, Category) else 0


def _plausible(
    scenario: Scenario, random: np.random.Generator, count: int
) -> npt.NDArray[np.float64]:
    rows = 10.0 ** random.uniform(-1, 3, (count, len(scenario.feature_names)))
    rows[0], rows[1] = 0.0, 1.0
    for column, feature in enumerate(scenario.all_features):
        codes = category_codes(scenario, feature)
        if codes:
            rows[:, column] = random.integers(0, codes, count)
    return rows


def _ends(scenario: Scenario, feature: object) -> npt.NDArray[np.float64]:
    """Values at and beyond the ends of what the feature's field allows."""
    declared = scenario.schema.fields.get(getattr(feature, "field", ""))
    ends = [0.0, -1.0, _LARGEST, -_LARGEST]
    if isinstance(declared, Number):
        ends += [declared.lowest, declared.highest]
    clipped: npt.NDArray[np.float64] = np.clip(np.array(ends), -_LARGEST, _LARGEST)
    return clipped
