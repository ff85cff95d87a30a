"""The hyper-parameters that a search may choose, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.evaluation.cost_thresholds import Costs

Choice = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Range:
    """From `low` to `high`, both included; `is_log` tries orders of magnitude alike."""

    low: float
    high: float
    is_whole: bool = False
    is_log: bool = False


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched for a scenario.

    ranges     by parameter
    first      a choice to begin with, such as the one in use
    ranker     choice, seed → an untrained estimator; only the order of its scores is judged
    estimator  choice, seed → the same with calibrated probabilities
    constants  choice → the lines of code that state it
    costs      what decisions cost, for thresholds on the best choice's scores
    """

    ranges: Mapping[str, Range]
    first: Choice
    ranker: Callable[[Choice, int], Any]
    estimator: Callable[[Choice, int], Any]
    constants: Callable[[Choice], str]
    costs: Costs
