"""Feature columns as people read them: names of categories in place of their codes."""

import math
from collections.abc import Mapping

import pandas as pd

from features.definitions import LastValue
from features.schema import Category
from scenarios.contract.scenario import Scenario


def categories(scenario: Scenario) -> Mapping[str, tuple[str, ...]]:
    """Feature → names by code, for the features that hold a category's code."""
    names_by_feature = {}
    for feature in scenario.features:
        declared = scenario.schema.fields[feature.field] if isinstance(feature, LastValue) else None
        if isinstance(declared, Category):
            names_by_feature[feature.name] = declared.values
    return names_by_feature


def with_category_names(frame: pd.DataFrame, names: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """A copy of `frame` with names (object columns, None for missing) in place of codes.

    names: column → names by code; columns that `frame` lacks are left out. A code beyond the names
    (declared since then with fewer values) is shown as "code 7".
    """
    readable = frame.copy()
    for column in names.keys() & set(frame.columns):
        category_names = names[column]
        readable[column] = [_name(code, category_names) for code in frame[column].tolist()]
        readable[column] = readable[column].astype(object)
    return readable


def _name(code: float, names: tuple[str, ...]) -> str | None:
    if math.isnan(code):
        return None
    return names[int(code)] if 0 <= code < len(names) else f"code {code:g}"
