"""The compiled sum over small boosted trees: scikit-learn's own comparisons, in its own order."""

from typing import Any

import numba
import numpy as np

# Rows whose columns stay in a core's first cache while all trees see them: 26 columns, 53 KB.
BLOCK_ROWS = 256
# A tree is filled up to three splits (root, left, right) and four leaves from left to right.
SPLITS, LEAVES = 3, 4


@numba.njit(cache=True, error_model="numpy", inline="always")
def _is_left(x: float, threshold: float, missing_left: bool) -> bool:
    return (x <= threshold) | ((x != x) & missing_left)


@numba.njit(
    "void(f8[:,::1], i4[:,::1], f8[:,::1], b1[:,::1], f8[:,::1], f8[::1])",
    cache=True,
    fastmath=False,
    error_model="numpy",
    nogil=True,
)
def add_trees(
    rows: Any, feature: Any, threshold: Any, missing_left: Any, leaves: Any, sums: Any
) -> None:
    """Add every tree's leaf value, tree by tree, to `sums` (n,); rows (n, k), NaN = missing.

    feature, threshold and missing_left (t, 3) and leaves (t, 4) are those of t trees. All three
    splits are compared and the leaf is chosen without a branch: a branch is guessed wrong half of
    the time, and without one several rows are compared in one instruction.
    """
    columns = np.empty((rows.shape[1], BLOCK_ROWS))
    for begin in range(0, rows.shape[0], BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows.shape[0] - begin)
        for row in range(count):
            for column in range(rows.shape[1]):
                columns[column, row] = rows[begin + row, column]
        block = sums[begin : begin + count]
        for tree in range(feature.shape[0]):
            x0, x1, x2 = (
                columns[feature[tree, 0]],
                columns[feature[tree, 1]],
                columns[feature[tree, 2]],
            )
            t0, t1, t2 = threshold[tree, 0], threshold[tree, 1], threshold[tree, 2]
            m0, m1, m2 = missing_left[tree, 0], missing_left[tree, 1], missing_left[tree, 2]
            v0, v1, v2, v3 = leaves[tree, 0], leaves[tree, 1], leaves[tree, 2], leaves[tree, 3]
            for row in range(count):
                on_left = v0 if _is_left(x1[row], t1, m1) else v1
                on_right = v2 if _is_left(x2[row], t2, m2) else v3
                block[row] += on_left if _is_left(x0[row], t0, m0) else on_right
