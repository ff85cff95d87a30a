"""What a rule asks of a feature."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Condition:
    """True where a feature lies within [at_least, below); never true where it is missing."""

    feature: str
    at_least: float = -np.inf
    below: float = np.inf
