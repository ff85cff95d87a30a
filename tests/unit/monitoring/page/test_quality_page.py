"""The quality page shows maturities, reasons, decisions and alarms, and loads nothing."""

from pathlib import Path

import msgspec

from monitoring.business.figures import BusinessFigure
from monitoring.page.charts import TimeMark, quality_chart
from monitoring.page.quality_page import PageContent, QualityPage
from monitoring.period_report import Alarm
from monitoring.rules.rule import OnMeasurement, Rule
from stores.records.alerts import OpenAlert
from stores.records.decisions import AUTOMATION_ENDED, ActionResult, DecisionRecord
from tests.support.period_reports import WEEK_MS, measured, report
from tests.support.self_contained import loaded_from_elsewhere

RULE = Rule(name="quality_low", on=OnMeasurement(metric="auroc", bound=0.6), actions=("retrain",))
WHY = "the newest mature period's calibration differs"
REPORTS = (
    report(
        0,
        measured(0.81),
        measured(0.77, part="plan=<b>gold</b>"),
        alarms=[
            Alarm(
                kind="risk", subject="brier", value=0.3, bound=0.2, sentence="loss is high",
                harm=True, false_alarm_rate=0.05,
            )
        ],
    ),
    report(1, measured(0.55, maturity="partial", labels=700), is_mature=False),
    report(2, measured(None, maturity="estimated", labels=0, reason=WHY), is_mature=False),
)  # fmt: skip
DECISION = DecisionRecord(
    scenario="tiny",
    period=1,
    rule="quality_low",
    version="1",
    decided_at_ms=2 * WEEK_MS,
    decided_by="test",
    sentence="auroc is low",
    actions=("retrain", "promote_champion"),
    state="failed",
    results=(
        ActionResult(action="retrain", exit_code=0, finished_at_ms=1, version="2"),
        ActionResult(action="promote_champion", exit_code=4, finished_at_ms=2),
    ),
)


def content() -> PageContent:
    alert = OpenAlert(
        scenario="tiny", subject="a", severity="page", title="tiny: auroc", sentence="low",
        since_ms=1, evidence="page", runbook="docs/runbook.md#x",
    )  # fmt: skip
    return PageContent(
        scenario="tiny",
        title="Machines about to fail",
        made_at="2026-09-01T00:00:00+00:00",
        reports=REPORTS,
        decisions=(DECISION,),
        alerts=(alert,),
        deployments=((WEEK_MS, "1"),),
        business=(
            BusinessFigure(
                name="customers saved", value=12.0, low=3.0, high=21.0, unit="customers",
                method="difference of arms", cases=900,
            ),
            BusinessFigure(
                name="return", value=None, unit="EUR", method="none", reason="no outcomes"
            ),
        ),
    )  # fmt: skip


def test_the_page_says_what_is_known_estimated_and_why_not(tmp_path: Path) -> None:
    json_file, html_file = QualityPage(content(), [RULE]).write(tmp_path)
    html = html_file.read_text(encoding="utf-8")
    assert loaded_from_elsewhere(html) == []
    for words in (
        "0.810 [0.790, 0.830]",
        "0.550 [0.530, 0.570]",
        "partial",
        "35.0%",
        "cannot be estimated",
        WHY.replace("'", "&#39;"),
        "promote champion: ended 4",
        "loss is high",
        "customers saved",
        "3.00 customers to 21.00 customers",
        "no outcomes",
        "docs/runbook.md#x",
        "No slice was noticed",
    ):
        assert words in html, words
    assert "<b>gold</b>" not in html
    assert "plan=&lt;b&gt;gold" in html
    again = msgspec.json.decode(json_file.read_bytes(), type=PageContent)
    assert again == content()


def test_ended_automation_stands_first_with_what_to_do() -> None:
    ended = msgspec.structs.replace(DECISION, rule=AUTOMATION_ENDED, decided_at_ms=9 * WEEK_MS)
    page = QualityPage(msgspec.structs.replace(content(), decisions=(DECISION, ended)))
    html = page.html()
    assert "monitor --scenario tiny --resume NAME" in html
    assert html.index("Automation has ended") < html.index("Quality over time</h2>")


def test_a_page_without_periods_can_be_written(tmp_path: Path) -> None:
    empty = PageContent(scenario="tiny", title="Machines", made_at="now", reports=())
    _, html_file = QualityPage(empty).write(tmp_path)
    assert "no period has ended yet" in html_file.read_text()


def test_a_chart_has_a_point_only_where_there_is_a_value() -> None:
    assert quality_chart(REPORTS, "auroc").startswith("data:image/svg+xml;base64,")
    assert quality_chart(REPORTS[2:], "auroc") == ""
    assert quality_chart(REPORTS, "brier") == ""
    marks = [TimeMark("deployment", WEEK_MS, "version 1"), TimeMark("alarm", WEEK_MS, "alarm")]
    assert quality_chart(REPORTS, "auroc", marks=marks, bounds=[0.6], narrow=True)
