"""Columns with too few values to learn from, made constant before training."""

import numpy as np
import numpy.typing as npt

# Fewer values than this can all fall into one fold: scikit-learn 1.9.0 cannot bin a column
# without any value (with numpy 2.4 it raises), and nothing could be learnt from it anyway.
MINIMUM_VALUES = 50


def rare_columns(features: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """For each column of `features` (n, k) whether it has too few values, bool (k,)."""
    present: npt.NDArray[np.int64] = (~np.isnan(features)).sum(axis=0)
    return present < MINIMUM_VALUES


def without_rare_columns(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A copy of `features` (n, k) with 0.0 throughout its rare columns.

    A model trained on it never looks at those columns, so any value may stand there later.
    """
    learnable = features.copy()
    learnable[:, rare_columns(features)] = 0.0
    return learnable
