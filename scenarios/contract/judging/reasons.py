"""Contributions of features to a score in business words, for the bands that need them."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.definitions import Feature, LastValue
from features.schema import Category
from scenarios.contract.scenario import Scenario
from stores.hbase.predictions import Reason

MOST_REASONS = 3


class ReasonTeller:
    """Turns SHAP values of one scenario into reasons."""

    def __init__(self, scenario: Scenario) -> None:
        self._features = scenario.all_features
        self._categories = [_categories(scenario, feature) for feature in scenario.all_features]

    def tell(
        self, contributions: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
    ) -> list[list[Reason]]:
        """For n cases the largest contributions, largest first; both arrays are (n, k)."""
        # A stable sort: equal contributions keep the declared order, so a replay gives the same.
        order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :MOST_REASONS]
        return [
            self._reasons(columns.tolist(), contributions[row], values[row])
            for row, columns in enumerate(order)
        ]

    def _reasons(
        self,
        columns: Sequence[int],
        contributions: npt.NDArray[np.float64],
        values: npt.NDArray[np.float64],
    ) -> list[Reason]:
        return [
            self._reason(column, float(contributions[column]), float(values[column]))
            for column in columns
            if contributions[column] != 0.0
        ]

    def _reason(self, column: int, contribution: float, value: float) -> Reason:
        feature = self._features[column]
        shown = self._shown(column, value)
        words = feature.words or f"{feature.name.replace('_', ' ')} is {{value}}"
        text = words.format(value=shown) if shown is not None else f"{feature.name} is not known"
        direction = "raises" if contribution > 0 else "lowers"
        return Reason(code=feature.name, text=text, direction=direction, value=shown)

    def _shown(self, column: int, value: float) -> str | float | None:
        if math.isnan(value):
            return None
        categories = self._categories[column]
        return categories[int(value)] if categories else value


def _categories(scenario: Scenario, feature: Feature) -> tuple[str, ...]:
    if isinstance(feature, LastValue):
        declared = scenario.schema.fields[feature.field]
        if isinstance(declared, Category):
            return declared.values
    return ()
