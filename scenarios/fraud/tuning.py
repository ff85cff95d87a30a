"""What a search for better trees may try."""

from typing import Any

from models.training.recipes import TreeParameters, boosted_trees, calibrated_trees
from models.training.search_space import Choice, Range, Search
from scenarios.fraud.decisions import COSTS
from scenarios.fraud.parameters import PARAMETERS

# Small enough to explain and score in microseconds: 300 trees of 16 leaves at most.
_RANGES = {
    "trees": Range(low=100, high=300, is_whole=True),
    "learning_rate": Range(low=0.02, high=0.15, is_log=True),
    "leaves": Range(low=3, high=16, is_whole=True),
    "rows_per_leaf": Range(low=10, high=150, is_whole=True, is_log=True),
    "l2": Range(low=0.5, high=100.0, is_log=True),
    "positive_weight": Range(low=1.0, high=20.0, is_log=True),
    "split_share": Range(low=0.2, high=1.0),
}


def parameters_of(choice: Choice) -> TreeParameters:
    """The choice as the recipe takes it; real numbers with three digits, so that they read well."""
    whole = {name: round(choice[name]) for name in ("trees", "leaves", "rows_per_leaf")}
    real = {name: float(f"{choice[name]:.3g}") for name in _RANGES.keys() - whole.keys()}
    return TreeParameters(depth=None, **whole, **real)  # type: ignore[arg-type]


def _ranker(choice: Choice, seed: int) -> Any:
    return boosted_trees(seed, parameters=parameters_of(choice))


def _estimator(choice: Choice, seed: int) -> Any:
    return calibrated_trees(seed, parameters=parameters_of(choice))


def _constants(choice: Choice) -> str:
    parameters = parameters_of(choice)
    lines = [f"    {name}={getattr(parameters, name)!r}," for name in _RANGES]
    return "\n".join(["PARAMETERS = TreeParameters(", "    depth=None,", *lines, ")"])


SEARCH = Search(
    ranges=_RANGES,
    first={name: float(getattr(PARAMETERS, name)) for name in _RANGES},
    ranker=_ranker,
    estimator=_estimator,
    constants=_constants,
    costs=COSTS,
)
