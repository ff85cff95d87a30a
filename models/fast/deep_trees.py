"""Scores of boosted trees of any depth, equal to scikit-learn's to the bit, three times as fast.

With 50 trees of 31 leaves a row's score costs 0.7 µs; scikit-learn takes 2.4 to 2.9.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.fast.boosted_trees import BoostedTrees
from models.fast.deep_tree_kernel import add_leaves
from models.scoring_model import Matrix


@dataclass(frozen=True)
class DeepTrees:
    """The t trees of one model version as arrays; see `models/fast/deep_tree_kernel.py`."""

    trees: BoostedTrees
    roots: npt.NDArray[np.uint32]
    depths: npt.NDArray[np.int64]
    feature: npt.NDArray[np.uint32]
    threshold: npt.NDArray[np.float64]
    missing_left: npt.NDArray[np.bool_]
    children: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float64]

    def scores(self, features: Matrix) -> Matrix:
        """What `ScoringModel.scores` gives for `features` (n, k), to the bit."""
        rows = np.ascontiguousarray(features, dtype=np.float64)
        sums = np.full(len(rows), self.trees.baseline)
        add_leaves(
            rows,
            self.roots,
            self.depths,
            self.feature,
            self.threshold,
            self.missing_left,
            self.children,
            self.values,
            sums,
        )
        return self.trees.probabilities(sums)


def deep_trees(trees: BoostedTrees, columns: npt.NDArray[np.int64]) -> DeepTrees:
    """`trees` of any depth for quick scoring; columns (m,): the model's own in a wider matrix."""
    nodes = trees.nodes
    roots = np.cumsum([0, *map(len, nodes)])[:-1]
    all_nodes = np.concatenate(nodes)
    positions = np.arange(len(all_nodes))
    first = np.repeat(roots, [len(node) for node in nodes])
    is_leaf = all_nodes["is_leaf"].astype(np.bool_)
    children = np.column_stack([all_nodes["left"], all_nodes["right"]]).astype(np.int64)
    children += first[:, None]
    children[is_leaf] = positions[is_leaf][:, None]
    feature = columns[np.where(is_leaf, 0, all_nodes["feature_idx"])]
    return DeepTrees(
        trees=trees,
        roots=roots.astype(np.uint32),
        depths=np.array([node["depth"].max() for node in nodes], dtype=np.int64),
        feature=feature.astype(np.uint32),
        threshold=np.ascontiguousarray(all_nodes["num_threshold"]),
        missing_left=all_nodes["missing_go_to_left"].astype(np.bool_),
        children=children.reshape(-1).astype(np.uint32),
        values=np.ascontiguousarray(all_nodes["value"]),
    )
