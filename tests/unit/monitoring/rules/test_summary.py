"""What `monitor` shows of a period: measured values in a table, reasons and alarms below it."""

from rich.console import Console

from monitoring.rules.summary import measurement_table
from tests.support.period_reports import drift_alarm, measured, report


def test_what_could_not_be_measured_is_one_line_per_reason() -> None:
    reason = "0 mature periods of this model, 2 are needed"
    estimated = [
        measured(None, metric=name, maturity="estimated", reason=reason)
        for name in ("auroc", "brier")
    ]
    shown = report(3, measured(0.8), *estimated, alarms=[drift_alarm("age")])
    console = Console(width=100, record=True)
    with console.capture() as captured:
        console.print(measurement_table(shown, []))
    text = captured.get()
    assert "0.7800 to 0.8200" in text
    assert f"not estimated: auroc, brier: {reason}" in text
    assert text.count(reason) == 1
    assert "alarm, drift, age: 5, bound 3. age moved" in text
