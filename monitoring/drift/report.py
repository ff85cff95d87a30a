"""Evidently's report of a period against an earlier one, as a page and as JSON."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from batch.explore.drift import drift
from monitoring.drift.columns import SCORE
from monitoring.period_data import PeriodData
from reports.files import write_text


def write_drift_report(
    folder: Path,
    reference: PeriodData,
    current: PeriodData,
    *,
    names: Mapping[str, tuple[str, ...]],
) -> tuple[Path, Path]:
    """Write `drift-NNNN.html` and `drift-NNNN.json` into `folder`, NNNN the period's number.

    names: feature → category names by code. Returns both paths; files of the same period are
    replaced. Evidently's verdicts have false alarms of their own: the alarms are those of
    `drift_alarms`.
    """
    result = drift(_frame(current), _frame(reference), names=names)
    paths = []
    for suffix, text in (("html", result.report), ("json", result.document)):
        path = folder / f"drift-{current.period.number:04d}.{suffix}"
        write_text(path, text)
        paths.append(path)
    return paths[0], paths[1]


def _frame(period: PeriodData) -> pd.DataFrame:
    columns = {name: period.features[:, number] for number, name in enumerate(period.feature_names)}
    return pd.DataFrame({SCORE: period.cases.scores, **columns})
