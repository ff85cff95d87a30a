"""Which columns of two snapshots differ: by Evidently, and by our own index with missing values."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from batch.explore.distributions import DistributionChange, distribution_change
from scenarios.contract.readable_columns import with_category_names

# Up to here Evidently itself prefers p-values to distances, which are noisy in few rows.
_FEW_ROWS = 1_000
_CHANCE_OF_A_FALSE_ALARM = 0.05
_P_VALUES = {"ks": "Kolmogorov-Smirnov p-value", "chisquare": "chi-squared p-value"}


@dataclass(frozen=True, kw_only=True)
class ColumnTest:
    """Evidently's verdict on one column; a p-value drifts below the threshold, a distance above."""

    method: str
    threshold: float
    score: float

    @property
    def is_drifted(self) -> bool:
        """Whether the score lies beyond the threshold."""
        if self.method in _P_VALUES.values():
            return self.score < self.threshold
        return self.score >= self.threshold


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """A column in two snapshots; `test` is None where Evidently had too few values to test."""

    change: DistributionChange
    test: ColumnTest | None

    @property
    def is_drifted(self) -> bool:
        """Whether Evidently says so, or much changed (missing values count too)."""
        return (self.test is not None and self.test.is_drifted) or self.change.verdict == "much"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Columns by falling index, and Evidently's report as one HTML page and as a JSON document."""

    columns: tuple[ColumnDrift, ...]
    report: str
    document: str


def drift(new: pd.DataFrame, old: pd.DataFrame, *, names: Mapping[str, tuple[str, ...]]) -> Drift:
    """Compare the columns that both frames have; float64, NaN for missing.

    names: column → category names by code.
    """
    columns = [str(column) for column in new.columns if column in set(old.columns)]
    # Evidently stops at a column without a value in one of the frames.
    testable = [name for name in columns if new[name].notna().any() and old[name].notna().any()]
    report, document, tests = _evidently(new[testable], old[testable], names)
    changes = [
        distribution_change(
            name,
            old[name].to_numpy(dtype=np.float64),
            new[name].to_numpy(dtype=np.float64),
            names=names.get(name),
        )
        for name in columns
    ]
    column_drifts = [
        ColumnDrift(change=change, test=tests.get(change.feature)) for change in changes
    ]
    return Drift(
        columns=tuple(sorted(column_drifts, key=lambda column: -column.change.psi)),
        report=report,
        document=document,
    )


def _evidently(
    new: pd.DataFrame, old: pd.DataFrame, names: Mapping[str, tuple[str, ...]]
) -> tuple[str, str, dict[str, ColumnTest]]:
    # Evidently and the telemetry it brings send usage data unless these are set before the import.
    os.environ["DO_NOT_TRACK"] = os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataSummaryPreset

    definition = DataDefinition(
        numerical_columns=[name for name in new.columns if name not in names],
        categorical_columns=[name for name in new.columns if name in names],
    )
    current, reference = (
        Dataset.from_pandas(with_category_names(frame, names), data_definition=definition)
        for frame in (new, old)
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of constant columns
        result = Report([_preset(new, old), DataSummaryPreset()]).run(current, reference)
        html = str(result.get_html_str(as_iframe=False))
        return html, str(result.json()), _tests(result.dict()["metrics"])


def _preset(new: pd.DataFrame, old: pd.DataFrame) -> Any:
    """Evidently's distances for many rows, its p-values for few."""
    from evidently.presets import DataDriftPreset

    if min(len(new), len(old)) > _FEW_ROWS:
        return DataDriftPreset()
    # Bonferroni's correction: at 0.05 each, one of 20 columns would drift by chance alone.
    threshold = _CHANCE_OF_A_FALSE_ALARM / max(len(new.columns), 1)
    return DataDriftPreset(
        num_method="ks", cat_method="chisquare", num_threshold=threshold, cat_threshold=threshold
    )


def _tests(metrics: Sequence[Mapping[str, Any]]) -> dict[str, ColumnTest]:
    configs = [(metric["config"], metric["value"]) for metric in metrics]
    return {
        config["column"]: ColumnTest(
            method=_P_VALUES.get(config["method"], config["method"]),
            threshold=config["threshold"],
            score=float(value),
        )
        for config, value in configs
        if config["type"].endswith(":ValueDrift")
    }
