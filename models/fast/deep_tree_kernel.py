"""The compiled walk down boosted trees of any depth: scikit-learn's comparisons, in its order."""

from typing import Any

import numba
import numpy as np

# Rows that walk down a tree side by side: no row waits for another one's memory.
BLOCK_ROWS = 128


@numba.njit(
    "void(f8[:,::1], u4[::1], i8[::1], u4[::1], f8[::1], b1[::1], u4[::1], f8[::1], f8[::1])",
    cache=True,
    fastmath=False,
    error_model="numpy",
    nogil=True,
)
def add_leaves(
    rows: Any,
    roots: Any,
    depths: Any,
    feature: Any,
    threshold: Any,
    missing_left: Any,
    children: Any,
    values: Any,
    sums: Any,
) -> None:
    """Add every tree's leaf value, tree by tree, to `sums` (n,); rows (n, k), NaN = missing.

    roots, depths (t,)   of t trees; feature, threshold, missing_left, values (m,) of their m nodes
    children (2 m,)      left and right child of each node; a leaf is its own child, so that a row
                         that has arrived stays while others walk on: there is no branch to guess
    """
    place = np.empty(BLOCK_ROWS, dtype=np.uint32)
    for begin in range(0, rows.shape[0], BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows.shape[0] - begin)
        for tree in range(roots.shape[0]):
            place[:] = roots[tree]
            for _ in range(depths[tree]):
                for row in range(count):
                    # Unsigned numbers: signed ones would be checked for counting from the end.
                    node = np.uintp(place[row])
                    x = rows[np.uintp(begin + row), np.uintp(feature[node])]
                    is_left = (x <= threshold[node]) | ((x != x) & missing_left[node])
                    place[row] = children[node + node + np.uintp(not is_left)]
            for row in range(count):
                sums[begin + row] += values[np.uintp(place[row])]
