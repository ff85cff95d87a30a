"""The quality page of a scenario: how good its model is, what is estimated, what was done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from monitoring.business.figures import BusinessFigure
from monitoring.page.charts import TimeMark, metric_words, quality_chart
from monitoring.period_report import Alarm, Interval, Measurement, PeriodReport
from monitoring.rules.rule import OnMeasurement, Rule
from reports.files import write_bytes, write_text
from reports.pages import page, percent
from stores.records.alerts import OpenAlert
from stores.records.decisions import RESERVED, DecisionRecord, is_automation_ended

_SECTIONS = (
    ("overview", "Overview"),
    ("quality", "Quality over time"),
    ("periods", "Table"),
    ("slices", "Slices"),
    ("business", "Business"),
    ("decisions", "Decisions"),
    ("alarms", "Alarms"),
    ("labels", "Labels and data"),
)
_FIRST_METRICS = ("auroc", "average_precision", "precision", "recall", "calibration_error", "cost")
_CHARTS = ("auroc", "average_precision", "precision", "recall", "calibration_error", "cost")
# A decision's rule that judged the newest periods is shown in full; earlier ones in a line.
_MOST_ALARMS = 60


class PageContent(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows; it is the JSON beside it.

    deployments: (UTC epoch ms, version) of each change of the champion
    """

    scenario: str
    title: str
    made_at: str
    reports: tuple[PeriodReport, ...]
    decisions: tuple[DecisionRecord, ...] = ()
    alerts: tuple[OpenAlert, ...] = ()
    deployments: tuple[tuple[int, str], ...] = ()
    business: tuple[BusinessFigure, ...] = ()


@dataclass(frozen=True)
class QualityPage:
    """The page of `content`; rules give the bounds in the charts."""

    content: PageContent
    rules: Sequence[Rule] = field(default_factory=tuple)

    def write(self, folder: Path) -> list[Path]:
        """quality.html and quality.json in `folder`, which is created when missing."""
        document = msgspec.json.format(msgspec.json.encode(self.content), indent=1) + b"\n"
        return [
            write_bytes(folder / "quality.json", document),
            write_text(folder / "quality.html", self.html()),
        ]

    def html(self) -> str:
        """The whole page; nothing is loaded from elsewhere."""
        content = self.content
        reports = content.reports
        return page(
            "quality.html",
            {
                "title": f"Quality of {content.title}",
                "subtitle": self._subtitle(),
                "sections": _SECTIONS,
                "alerts": [alert for alert in content.alerts if not alert.is_over],
                "figures": self._figures(),
                "is_ended": is_automation_ended(content.decisions),
                "scenario": content.scenario,
                "charts": self._charts(),
                "not_estimated": _not_estimated(reports),
                "metrics": [metric_words(name) for name in self._metrics()],
                "period_rows": self._period_rows(),
                "slice_rows": self._slice_rows(),
                "worst": [alarm for alarm in _newest_alarms(reports) if alarm[1].kind == "slice"],
                "business": [_business_row(figure) for figure in content.business],
                "decisions": [_decision_row(record) for record in reversed(content.decisions)],
                "alarms": [_alarm_row(*alarm) for alarm in _newest_alarms(reports)[:_MOST_ALARMS]],
                "count_names": _count_names(reports),
                "count_rows": _count_rows(reports),
                "footer": f"Made at {content.made_at}. The figures are in quality.json beside "
                "this page.",
            },
        )

    def _subtitle(self) -> str:
        reports = self.content.reports
        if not reports:
            return "no period has ended yet"
        first, last = _day(reports[0].begin_ms), _day(reports[-1].end_ms)
        return f"{len(reports)} periods, {first} to {last}; newest version {reports[-1].version}"

    def _figures(self) -> list[tuple[str, str, str]]:
        """(value, words, note) of the newest mature value of each metric, and the estimate."""
        rows = []
        for metric in _FIRST_METRICS[:4]:
            for maturity in ("mature", "estimated"):
                newest = _newest(self.content.reports, metric, maturity)
                if newest is not None:
                    report, measured = newest
                    value = measured.interval.value
                    shown = f"{value:.3f}" if value is not None else "cannot be said"
                    words = f"{maturity} {metric_words(metric)}"
                    rows.append((shown, words, f"period {report.number}{_limits(measured)}"))
        return rows

    def _metrics(self) -> list[str]:
        present = {
            measured.metric
            for report in self.content.reports
            for measured in report.measurements
            if measured.part == ""
        }
        return [name for name in _FIRST_METRICS if name in present]

    def _marks(self) -> list[TimeMark]:
        content = self.content
        begin = content.reports[0].begin_ms if content.reports else 0
        marks = [
            TimeMark("deployment", at_ms, f"version {version}")
            for at_ms, version in content.deployments
            if at_ms >= begin
        ]
        marks += [
            TimeMark("decision", record.decided_at_ms, record.rule)
            for record in content.decisions
            if record.decided_at_ms >= begin
        ]
        marks += [
            TimeMark("alarm", (report.begin_ms + report.end_ms) // 2, "alarm")
            for report in content.reports
            if any(alarm.kind in ("risk", "drift", "data", "slice") for alarm in report.alarms)
        ]
        return marks

    def _charts(self) -> list[dict[str, str]]:
        charts = []
        for metric in (name for name in _CHARTS if name in self._metrics()):
            bounds = [
                rule.on.bound
                for rule in self.rules
                if isinstance(rule.on, OnMeasurement)
                and (rule.on.metric, rule.on.part) == (metric, "")
            ]
            wide, narrow = (
                quality_chart(
                    self.content.reports, metric, marks=self._marks(), bounds=bounds, narrow=small
                )
                for small in (False, True)
            )
            charts.append({"name": metric_words(metric), "wide": wide, "narrow": narrow})
        return charts

    def _period_rows(self) -> list[dict[str, Any]]:
        rows = []
        for report in reversed(self.content.reports):
            by_maturity = {
                maturity: [report.measurement(name, maturity=maturity) for name in self._metrics()]
                for maturity in ("mature", "partial", "estimated")
            }
            first = True
            for maturity, measured in by_maturity.items():
                if not any(measured):
                    continue
                coverage = next((m.coverage for m in measured if m is not None), 0.0)
                rows.append(
                    {
                        "period": f"{report.number}" if first else "",
                        "from": _day(report.begin_ms) if first else "",
                        "version": report.version if first else "",
                        "maturity": maturity,
                        "coverage": percent(coverage),
                        "cells": [_cell(m) for m in measured],
                        "alarms": f"{len(report.alarms)}" if first else "",
                    }
                )
                first = False
        return rows

    def _slice_rows(self) -> list[dict[str, Any]]:
        """The newest period that has mature values of slices; estimated ones without any."""
        for maturity in ("mature", "partial", "estimated"):
            for report in reversed(self.content.reports):
                parts = dict.fromkeys(
                    m.part for m in report.measurements if m.part and m.maturity == maturity
                )
                if not parts:
                    continue
                return [
                    {
                        "part": part,
                        "maturity": f"{maturity}, period {report.number}",
                        "labels": _labels(report, part, maturity),
                        "cells": [
                            _cell(report.measurement(name, part=part, maturity=maturity))
                            for name in self._metrics()
                        ],
                    }
                    for part in parts
                ]
        return []


def _newest(
    reports: Sequence[PeriodReport], metric: str, maturity: str
) -> tuple[PeriodReport, Measurement] | None:
    for report in reversed(reports):
        for measured in report.measurements:
            if (measured.metric, measured.part, measured.maturity) == (metric, "", maturity):
                return report, measured
    return None


def _limits(measured: Measurement) -> str:
    low, high = measured.interval.low, measured.interval.high
    return "" if low is None or high is None else f", {low:.3f} to {high:.3f}"


def _cell(measured: Measurement | None) -> str:
    if measured is None:
        return ""
    value = measured.interval.value
    if value is None:
        return f"cannot be {'estimated' if measured.maturity == 'estimated' else 'said'}"
    low, high = measured.interval.low, measured.interval.high
    limits = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
    return f"{value:.3f}{limits}"


def _labels(report: PeriodReport, part: str, maturity: str) -> str:
    of_part = (m for m in report.measurements if (m.part, m.maturity) == (part, maturity))
    measured = next(of_part)
    return f"{measured.labels:,} of {measured.predictions:,}"


def _not_estimated(reports: Sequence[PeriodReport]) -> list[tuple[str, str]]:
    """(periods, reason) of estimates that there are not, the newest reason first."""
    reasons: dict[str, list[int]] = {}
    for report in reversed(reports):
        for measured in report.measurements:
            is_missing = measured.maturity == "estimated" and measured.interval.value is None
            if is_missing and measured.part == "" and measured.reason:
                numbers = reasons.setdefault(measured.reason, [])
                if report.number not in numbers:
                    numbers.append(report.number)
    return [
        (", ".join(f"{number}" for number in sorted(numbers)), reason)
        for reason, numbers in reasons.items()
    ]


def _newest_alarms(reports: Sequence[PeriodReport]) -> list[tuple[PeriodReport, Alarm]]:
    return [(report, alarm) for report in reversed(reports) for alarm in report.alarms]


def _alarm_row(report: PeriodReport, alarm: Alarm) -> dict[str, str]:
    rate = alarm.false_alarm_rate
    return {
        "period": f"{report.number}",
        "kind": alarm.kind,
        "subject": alarm.subject,
        "harm": "predictions are worse" if alarm.harm else "different",
        "sentence": alarm.sentence,
        "rate": "" if rate is None else percent(rate),
    }


def _decision_row(record: DecisionRecord) -> dict[str, str]:
    by = f", by {record.decided_by}" if record.rule in RESERVED else ""
    results = [
        f"{result.action}: " + ("done" if result.exit_code == 0 else f"ended {result.exit_code}")
        + (f", version {result.version}" if result.version else "")
        for result in record.results
    ]  # fmt: skip
    return {
        "at": f"{datetime.fromtimestamp(record.decided_at_ms / 1000, UTC):%Y-%m-%d %H:%M}",
        "period": f"{record.period}",
        "rule": record.rule.replace("_", " "),
        "sentence": record.sentence + by,
        "actions": ", ".join(record.actions).replace("_", " "),
        "state": record.state,
        "results": "; ".join(results).replace("_", " "),
    }


def _business_row(figure: BusinessFigure) -> dict[str, str]:
    interval = Interval(value=figure.value, low=figure.low, high=figure.high, level=figure.level)
    return {
        "name": figure.name,
        "value": _amount(interval.value, figure.unit) or "cannot be said",
        "interval": ""
        if interval.low is None or interval.high is None
        else f"{_amount(interval.low, figure.unit)} to {_amount(interval.high, figure.unit)}",
        "cases": f"{figure.cases:,}",
        "method": figure.method,
        "reason": figure.reason,
    }


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return percent(value) if unit == "share" else f"{value:,.2f} {unit}"


def _count_names(reports: Sequence[PeriodReport]) -> list[str]:
    names = {name for report in reports for name in report.counts if not name.startswith("drift.")}
    first = [name for name in ("events", "predictions", "suppressed", "cases") if name in names]
    return [*first, *sorted(names - set(first))]


def _count_rows(reports: Sequence[PeriodReport]) -> list[tuple[str, str, list[str]]]:
    names = _count_names(reports)
    return [
        (
            f"{report.number}",
            _coverage(report),
            [f"{report.counts[name]:,}" if name in report.counts else "" for name in names],
        )
        for report in reversed(reports)
    ]


def _coverage(report: PeriodReport) -> str:
    whole = (m for m in report.measurements if m.part == "" and m.maturity != "estimated")
    measured = next(whole, None)
    return "" if measured is None else percent(measured.coverage)


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"
