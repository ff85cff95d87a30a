"""The page that shows a data scientist what changed between two training snapshots."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pandas as pd

from batch.explore.drift import ColumnDrift, drift
from batch.explore.profile_page import facts
from batch.explore.sample import SnapshotSample
from reports.pages import page, percent
from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario

_SECTIONS = (
    ("overview", "Overview"),
    ("features", "What changed most"),
    ("evidently", "Evidently's report"),
)


def drift_page(
    new: SnapshotSample, old: SnapshotSample, scenario: Scenario
) -> tuple[str, list[str]]:
    """The whole page as HTML, and the drifted columns; the outcome is a column too."""
    outcome = scenario.label.field
    names = {
        **categories(scenario),
        outcome: (f"not {scenario.label.positive}", scenario.label.positive),
    }
    snapshot_drift = drift(_columns(new, outcome), _columns(old, outcome), names=names)
    drifted = [column.change.feature for column in snapshot_drift.columns if column.is_drifted]
    against = f"snapshot {old.record.number}"
    html = page(
        "drift.html",
        {
            "title": f"{new.title} against {against}",
            "subtitle": f"{scenario.title}; the older one is the reference",
            "sections": _SECTIONS,
            "headings": (against, f"snapshot {new.record.number}"),
            "facts": _fact_rows(new, old),
            "drifted": _sentence(drifted, len(snapshot_drift.columns)),
            "rows": [_row(column) for column in snapshot_drift.columns],
            "evidently_version": version("evidently"),
            "sampling": f"{old.sampling} {new.sampling}",
            "report": snapshot_drift.report,
            "footer": f"Tables {old.record.path} and {new.record.path}.",
        },
    )
    return html, drifted


def _columns(sample: SnapshotSample, outcome: str) -> pd.DataFrame:
    columns = sample.features.copy()
    columns.insert(0, outcome, sample.outcomes.astype("float64"))
    return columns


def _fact_rows(new: SnapshotSample, old: SnapshotSample) -> list[tuple[str, str, str]]:
    both = [
        {
            "rows now": f"{sample.rows:,}",
            "positive outcomes": f"{sample.positives:,} "
            f"({percent(sample.positives / sample.rows) if sample.rows else '-'})",
            **facts(sample),
        }
        for sample in (old, new)
    ]
    return [(words, both[0][words], both[1][words]) for words in both[0]]


def _sentence(drifted: list[str], columns: int) -> str:
    if not drifted:
        return f"None of the {columns} columns drifted."
    return f"{len(drifted)} of {columns} columns drifted: {', '.join(drifted)}."


def _row(column: ColumnDrift) -> Mapping[str, Any]:
    change, test = column.change, column.test
    means = [_mean(part.mean) for part in (change.old, change.new)]
    shares = [percent(part.missing_share) for part in (change.old, change.new)]
    return {
        "column": change.feature,
        "psi": f"{change.psi:.3f}",
        "verdict": change.verdict,
        "cells": [*shares, *means],
        "is_drifted": test is not None and test.is_drifted,
        "drift_words": "not tested" if test is None else "drift" if test.is_drifted else "no drift",
        "score": "" if test is None else f"{test.score:.4f}",
        "method": "" if test is None else f"{test.method}, {test.threshold:.4g}",
    }


def _mean(mean: float | None) -> str:
    return "" if mean is None else f"{mean:,.4g}"
