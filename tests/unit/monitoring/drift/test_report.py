"""Evidently's report of a period lies in its folder, as a page and as JSON."""

import json
from dataclasses import replace
from pathlib import Path

from monitoring.drift.report import write_drift_report
from tests.unit.monitoring.drift.simulated_weeks import week


def test_both_files_are_written_and_name_the_drifted_column(tmp_path: Path) -> None:
    current = week(7, cases=300)
    features = current.features.copy()
    features[:, 0] += 2.0
    current = replace(current, features=features)
    names = {"contract": ("monthly", "yearly", "longer")}
    page, document = write_drift_report(tmp_path / "churn", week(0), current, names=names)
    assert (page.name, document.name) == ("drift-0007.html", "drift-0007.json")
    assert "<html" in page.read_text(encoding="utf-8")
    metrics = json.loads(document.read_text(encoding="utf-8"))["metrics"]
    p_values = {
        metric["config"]["column"]: metric["value"]
        for metric in metrics
        if metric["config"]["type"].endswith(":ValueDrift")
    }
    assert p_values["age"] < 0.001 < p_values["amount"]
    assert set(p_values) == {"score", "age", "balance", "amount", "contract"}
