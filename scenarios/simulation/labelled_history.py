"""A scenario's whole history with its outcomes, as columns: what is evaluated without Spark."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.fold.history import HistoryColumns

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SecondHistory:
    """What a second entity saw, and which one each of the scenario's events names."""

    events: HistoryColumns
    asked_codes: Ints


@dataclass(frozen=True, kw_only=True)
class LabelledHistory:
    """n events in order of time; `outcomes` int64 (n,): 1 positive, 0 negative.

    second             by name of the second entity
    reference_features the features of published models that the scenario's is measured against
    """

    events: HistoryColumns
    outcomes: Ints
    second: Mapping[str, SecondHistory]
    reference_features: tuple[str, ...]
