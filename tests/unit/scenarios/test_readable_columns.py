"""Names of categories in place of codes."""

import numpy as np
import pandas as pd

from scenarios.contract.readable_columns import categories, with_category_names
from tests.scenarios.tiny import SCENARIO


def test_only_last_values_of_categories_have_names() -> None:
    assert categories(SCENARIO) == {"mode": ("idle", "normal", "boost")}


def test_codes_become_names_and_the_rest_stays() -> None:
    codes = pd.DataFrame({"mode": [2.0, np.nan, 9.0], "parts": [1.0, 2.0, 3.0]})
    readable = with_category_names(codes, {**categories(SCENARIO), "absent": ("a",)})
    assert readable["mode"].tolist() == ["boost", None, "code 9"]
    assert readable["parts"].tolist() == [1.0, 2.0, 3.0]
    assert codes["mode"].tolist()[0] == 2.0
