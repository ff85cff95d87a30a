"""How the fraud model's trees grow, as a search found it."""

from models.recipes import TreeParameters

PARAMETERS = TreeParameters(
    trees=150,
    learning_rate=0.05,
    depth=None,
    leaves=8,
    rows_per_leaf=40,
    l2=5.0,
    positive_weight=1.0,
    split_share=1.0,
)
