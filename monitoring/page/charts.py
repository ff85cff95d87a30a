"""Charts of quality over time, as pictures inside the page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from monitoring.period_report import Maturity, Measurement, PeriodReport

# Filled, half and empty: maturity is read from the form, not from the colour alone.
_STYLES: dict[Maturity, dict[str, Any]] = {
    "mature": {"color": "#1f6fb2", "marker": "o", "mfc": "#1f6fb2"},
    "partial": {"color": "#b3541e", "marker": "s", "mfc": "white"},
    "estimated": {"color": "#5b6b7b", "marker": "^", "mfc": "white"},
}
_SHIFTS: dict[Maturity, float] = {"mature": 0.0, "partial": 0.12, "estimated": -0.12}
_MARK_COLOURS = {"deployment": "#1c7a3e", "decision": "#7a3ea1", "alarm": "#b42318"}
_MARK_LINES = {"deployment": "-", "decision": "--", "alarm": ":"}
_NAMES = {"auroc": "AUROC", "brier": "Brier score"}


@dataclass(frozen=True)
class TimeMark:
    """Something on the time axis: "deployment", "decision" or "alarm"."""

    kind: str
    at_ms: int
    words: str


def metric_words(metric: str) -> str:
    """The metric as people read it: "AUROC", "average precision"."""
    return _NAMES.get(metric, metric.replace("_", " ").replace(".", ", "))


def quality_chart(
    reports: Sequence[PeriodReport],
    metric: str,
    *,
    part: str = "",
    marks: Sequence[TimeMark] = (),
    bounds: Sequence[float] = (),
    narrow: bool = False,
) -> str:
    """The metric of each period by maturity, with intervals, as SVG in a data URL; "" without any.

    A period stands at its middle. bounds: of rules, as horizontal lines; narrow: for small screens
    """
    points = [
        (report, measured)
        for report in reports
        for measured in report.measurements
        if (measured.metric, measured.part) == (metric, part)
        and measured.interval.value is not None
    ]
    if not points:
        return ""
    from matplotlib.figure import Figure  # 0.5 s, and only the page draws

    size = (4.2, 3.4) if narrow else (11.0, 3.6)
    figure: Any = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    for maturity, style in _STYLES.items():
        _draw(axes, [(r, m) for r, m in points if m.maturity == maturity], maturity, style)
    for bound in dict.fromkeys(bounds):
        axes.axhline(bound, color="#b42318", linewidth=1.0, label=f"bound {bound:g}")
    _mark(axes, marks, is_labelled=not narrow)
    axes.set(ylabel=metric_words(metric))
    axes.grid(axis="y", color="#dfe5eb", linewidth=0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2 if narrow else 7,
                frameon=False, fontsize=8)  # fmt: skip
    axes.tick_params(axis="x", labelsize=8)
    _dates(axes, narrow=narrow)
    content = io.BytesIO()
    figure.savefig(content, format="svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(content.getvalue()).decode()}"


def _draw(
    axes: Any,
    points: Sequence[tuple[PeriodReport, Measurement]],
    maturity: Maturity,
    style: dict[str, Any],
) -> None:
    if not points:
        return
    numbers = np.array([report.number for report, _ in points])
    # No line where a period has no value, nor from one version to the next.
    versions = np.array([report.version for report, _ in points])
    is_cut = (np.diff(numbers) > 1) | (versions[1:] != versions[:-1])
    for rows in np.split(np.arange(len(points)), np.flatnonzero(is_cut) + 1):
        parts = [points[row] for row in rows.tolist()]
        below, above = zip(*(_lengths(measured) for _, measured in parts), strict=True)
        axes.errorbar(
            [_middle(report, _SHIFTS[maturity]) for report, _ in parts],
            [measured.interval.value for _, measured in parts],
            yerr=[below, above], capsize=2, linewidth=1.2, elinewidth=0.9, markersize=5,
            label=maturity if rows[0] == 0 else None, **style,
        )  # fmt: skip


def _lengths(measured: Measurement) -> tuple[float, float]:
    interval = measured.interval
    if interval.value is None or interval.low is None or interval.high is None:
        return 0.0, 0.0
    return max(interval.value - interval.low, 0.0), max(interval.high - interval.value, 0.0)


def _mark(axes: Any, marks: Sequence[TimeMark], *, is_labelled: bool) -> None:
    for kind, colour in _MARK_COLOURS.items():
        of_kind = [mark for mark in marks if mark.kind == kind]
        for number, mark in enumerate(of_kind):
            at = _moment(mark.at_ms)
            label = kind if number == 0 else None
            axes.axvline(at, color=colour, linestyle=_MARK_LINES[kind], linewidth=1.1, label=label)
            if kind == "deployment" and is_labelled:
                axes.annotate(
                    mark.words, (at, 1.0), xycoords=("data", "axes fraction"), fontsize=7.5,
                    color=colour, xytext=(3, -9), textcoords="offset points",
                )  # fmt: skip


def _dates(axes: Any, *, narrow: bool) -> None:
    import matplotlib.dates

    dates: Any = matplotlib.dates  # it has no types
    locator = dates.AutoDateLocator(maxticks=4 if narrow else 10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _middle(report: PeriodReport, shift: float) -> datetime:
    """The middle of the period, moved a little so that intervals do not hide each other."""
    length = report.end_ms - report.begin_ms
    return _moment(report.begin_ms + int(length * (0.5 + shift)))


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
