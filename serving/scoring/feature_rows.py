"""Feature rows that a caller posts: by name, in any order, categories by name or code."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario
from serving.scoring.errors import FeaturesRefused

Floats = npt.NDArray[np.float64]

_SHOWN = 60


class FeatureRows:
    """Reads the feature rows of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.names = scenario.feature_names
        self._columns = {name: column for column, name in enumerate(self.names)}
        self._codes = {
            name: {value: float(code) for code, value in enumerate(values)}
            for name, values in categories(scenario).items()
        }

    def arranged(self, names: Sequence[str], matrix: Floats, needed: Sequence[str]) -> Floats:
        """`matrix` (n, m) with the columns `names` as rows (n, k) of all features.

        A feature that is not posted is missing (NaN); those in `needed` must be there. Raises
        `FeaturesRefused`.
        """
        unknown = [name[:_SHOWN] for name in names if name not in self._columns]
        if unknown:
            raise FeaturesRefused(f"unknown features {unknown[:10]}: known are {self.names}")
        if len(set(names)) != len(names):
            raise FeaturesRefused(f"a feature is posted twice: {list(names)}")
        absent = [name for name in needed if name not in names]
        if absent:
            raise FeaturesRefused(
                f"features {absent} are not posted: post them, as null where they are missing"
            )
        if matrix.ndim != 2 or matrix.shape[1] != len(names):
            raise FeaturesRefused(
                f"rows of {len(names)} features expected, the matrix has shape {matrix.shape}"
            )
        if np.isinf(matrix).any():
            raise FeaturesRefused("a feature is infinite")
        rows = np.full((len(matrix), len(self.names)), np.nan)
        rows[:, [self._columns[name] for name in names]] = matrix
        return rows

    def column(self, name: str, values: Sequence[Any]) -> Floats:
        """`values` of the feature `name` as float64 (n,): numbers, null, a category's name.

        Raises `FeaturesRefused`.
        """
        codes = self._codes.get(name, {})
        return np.array([self._number(name, value, codes) for value in values], dtype=np.float64)

    def matrix(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Floats:
        """`rows`, n lists of m values (see `column`), as float64 (n, m).

        Raises `FeaturesRefused`.
        """
        for number, row in enumerate(rows):
            if len(row) != len(names):
                raise FeaturesRefused(
                    f"row {number} has {len(row)} values, expected {len(names)}, one per column"
                )
        matrix = np.empty((len(rows), len(names)))
        for at, name in enumerate(names):
            matrix[:, at] = self.column(name, [row[at] for row in rows])
        return matrix

    def _number(self, name: str, value: Any, codes: dict[str, float]) -> float:
        if value is None:
            return np.nan
        if isinstance(value, str) and value in codes:
            return codes[value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            wanted = f"one of {list(codes)}, its code" if codes else "a number"
            raise FeaturesRefused(
                f"feature {name[:_SHOWN]!r} is {str(value)[:_SHOWN]!r}: expected {wanted} or null"
            )
        try:
            return float(value)
        except OverflowError:
            raise FeaturesRefused(f"feature {name[:_SHOWN]!r} is too large for a float") from None
