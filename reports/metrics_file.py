"""Figures for Prometheus as a file that node_exporter's textfile collector reads.

The format is Prometheus' text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reports.files import write_text

Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: its samples by labels; a value of None is left out."""

    name: str
    meaning: str
    samples: Sequence[tuple[Labels, float | None]]
    kind: Literal["gauge", "counter"] = "gauge"


def metrics_text(metrics: Sequence[Metric]) -> str:
    """All of them in the text format; a metric without samples is left out.

    Metrics of one name, such as those of several streams, become one: the format wants it.
    """
    lines = []
    for metric in {metric.name: metric for metric in metrics}.values():
        samples = [
            (labels, value)
            for part in metrics
            if part.name == metric.name
            for labels, value in part.samples
            if value is not None
        ]
        if not samples:
            continue
        lines.append(f"# HELP {metric.name} {_escaped(metric.meaning)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines += [f"{metric.name}{_braces(labels)} {_number(value)}" for labels, value in samples]
    return "\n".join((*lines, ""))


def write_metrics(path: Path, metrics: Sequence[Metric]) -> Path:
    """Replace `path`, which should end in .prom, in one step: a collector never reads half of it.

    Others may read it, as the collector runs as another user.
    """
    written = write_text(path, metrics_text(metrics))
    written.chmod(0o644)
    return written


def _braces(labels: Labels) -> str:
    pairs = (f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}" if labels else ""


def _escaped(text: str, *, quotes: bool = False) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quotes else escaped


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(float(value))
