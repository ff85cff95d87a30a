"""A comparison for people: a table, a page with a chart per design, and JSON."""

import base64
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from lifecycle.challenge.confidence_sequence import LEAST_VALUES
from lifecycle.challenge.result import ComparisonResult, DesignResult
from lifecycle.challenge.slices import SliceResult
from reports.files import write_bytes, write_text
from reports.pages import page

_SECTIONS = (("overview", "Overview"), ("slices", "Slices"), ("charts", "Over time"))
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.-]")
_SLICE_HEADS = ("slice", "labels", "positive", "AUROC", "low", "high", "floor", "verdict")
_HEADS = ("design", "values", "failed", "champion", "other", "difference", "low", "high", "verdict")


def show_comparison(result: ComparisonResult, console: Console) -> None:
    """The table of all designs."""
    title = f"{result.scenario}, experiment {result.experiment}: {result.measure}, less is better"
    table = Table(*_HEADS, title=title)
    for design in result.designs:
        table.add_row(*_cells(design))
    console.print(table)
    if result.slices:
        slices = Table(*_SLICE_HEADS, title="AUROC of the other version by slice")
        for part in result.slices:
            slices.add_row(*_slice_cells(part))
        console.print(slices)


def write_comparison(result: ComparisonResult, folder: Path) -> list[Path]:
    """compare-live-EXPERIMENT.json and .html in `folder`, which is created when missing."""
    stem = f"compare-live-{_NOT_IN_NAMES.sub('_', result.experiment)[:80]}"
    document = msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"
    html = page(
        "comparison.html",
        {
            "title": f"Experiment {result.experiment}",
            "subtitle": f"{result.scenario}: champion version {result.champion} beside "
            + " and ".join(sorted({design.other for design in result.designs})),
            "sections": [part for part in _SECTIONS if result.slices or part[0] != "slices"],
            "verdict": result.verdict,
            "headings": _HEADS,
            "rows": [_cells(design) for design in result.designs],
            "facts": _facts(result),
            "slice_headings": _SLICE_HEADS,
            "slices": [_slice_cells(part) for part in result.slices],
            "charts": [(design.design, _chart(design)) for design in result.designs],
            "footer": f"Made at {result.made_at}.",
        },
    )
    return [
        write_bytes(folder / f"{stem}.json", document),
        write_text(folder / f"{stem}.html", html),
    ]


def _cells(design: DesignResult) -> list[str]:
    numbers = (design.champion_mean, design.other_mean, design.mean, design.low, design.high)
    shown = ("" if number is None else f"{number:.5f}" for number in numbers)
    word: str = design.word
    if design.more is not None:
        word += f", needs about {design.more:,} more labels"
    return [design.design, f"{design.count:,}", f"{design.failed:,}", *shown, word]


def _slice_cells(part: SliceResult) -> list[str]:
    shown = (
        "" if number is None else f"{number:.3f}" for number in (part.auroc, part.low, part.high)
    )
    word = "below the floor" if part.is_below_floor else "not below the floor"
    if part.auroc is None:
        word = "too few labels to say"
    counts = (f"{part.labels:,}", f"{part.positives:,}")
    return [part.slice_name, *counts, *shown, f"{part.floor:g}", word]


def _facts(result: ComparisonResult) -> list[tuple[str, str]]:
    return [
        ("predictions in the experiment", f"{result.predictions:,}"),
        ("measure", f"{result.measure}, of the other version less that of the champion"),
        (
            "interval",
            f"holds at all looks together with probability {1.0 - result.alpha:.0%}, from "
            f"{LEAST_VALUES:,} values on; tightest at {result.tightest_at:,}",
        ),
        ("labels", "mature ones only, each once"),
    ]


def _chart(design: DesignResult) -> str:
    """The difference and its interval over time as SVG, a data URL; empty without points."""
    points = [point for point in design.points if point.count >= LEAST_VALUES]
    if not points:
        return ""
    from matplotlib.figure import Figure  # 0.5 s, and only the report draws

    figure: Any = Figure(figsize=(9.0, 3.6), layout="constrained")
    axes = figure.add_subplot()
    times = [datetime.fromtimestamp(point.at_ms / 1000, UTC) for point in points]
    low, high = [point.low for point in points], [point.high for point in points]
    axes.fill_between(times, low, high, color="#8bb8dd", alpha=0.6, label="interval")
    axes.plot(times, [point.mean for point in points], color="#1f6fb2", label="difference")
    axes.axhline(0.0, color="#b42318", linewidth=1.0)
    axes.set(title=f"{design.other}, {design.design}", ylabel="below 0: better than the champion")
    axes.legend(loc="upper right")
    axes.tick_params(axis="x", rotation=20)
    content = io.BytesIO()
    figure.savefig(content, format="svg")
    return f"data:image/svg+xml;base64,{base64.b64encode(content.getvalue()).decode()}"
