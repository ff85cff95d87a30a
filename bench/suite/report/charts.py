"""The results as pictures: rates and latencies of all systems, with their ranges."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.suite.measurements.results import Results
from bench.suite.report.figures import Figures
from bench.suite.report.ratios import Spread, spread_of
from bench.suite.systems.catalogue import US

_OURS, _OTHERS = "#b3261e", "#5f7d95"
_INCHES_PER_BAR = 0.32


def draw(results: Results, folder: Path) -> Sequence[str]:
    """Write the charts as SVG into `folder`; returns their file names."""
    figures = Figures(results)
    panels: dict[str, dict[str, Mapping[str, Spread]]] = {"throughput.svg": {}, "latency.svg": {}}
    for load in figures.loads:
        own = {name: figures.rate(load, name) for name in figures.systems(load[0])}
        panels["throughput.svg"][f"{load[0]}, {load[1]} keys: events/s"] = _spreads(own)
    for steady in figures.steady_loads:
        for title, figure in (("p50", _p50), ("p99", _p99)):
            own = {
                name: figures.latency(steady, name, figure) for name in figures.systems(steady[0])
            }
            where = f"{steady[0]}, {steady[1]:,.0f} events/s: {title} in ms"
            panels["latency.svg"][where] = _spreads(own)
    drawn = [name for name, own in panels.items() if own]
    for name in drawn:
        _save(panels[name], folder / name)
    return drawn


def _p50(each: Any) -> float:
    return float(each.p50_ms)


def _p99(each: Any) -> float:
    return float(each.p99_ms)


def _spreads(own: Mapping[str, Mapping[int, float]]) -> Mapping[str, Spread]:
    found = {name: spread_of(list(rounds.values())) for name, rounds in own.items()}
    return {name: spread for name, spread in found.items() if spread}


def _save(panels: Mapping[str, Mapping[str, Spread]], file: Path) -> None:
    from matplotlib.figure import Figure  # 0.5 s, and only the report draws

    heights = [len(own) for own in panels.values()]
    figure = Figure(
        figsize=(8.0, sum(heights) * _INCHES_PER_BAR + 0.8 * len(panels)), layout="constrained"
    )
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (title, own) in zip(axes, panels.items(), strict=True):
        _bars(axis, own)
        axis.set_title(title, loc="left", fontsize=10)
    figure.savefig(file, metadata={"Date": None})


def _bars(axis: Any, own: Mapping[str, Spread]) -> None:
    """A bar per system to its median, a line from its least to its most."""
    names = list(own)[::-1]
    medians = [own[name].median for name in names]
    below = [own[name].median - own[name].least for name in names]
    above = [own[name].most - own[name].median for name in names]
    colours = [_OURS if name == US else _OTHERS for name in names]
    bars = axis.barh(names, medians, xerr=(below, above), color=colours, capsize=2)
    axis.bar_label(bars, labels=[f" {median:,.0f}" for median in medians], fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.12)
    axis.tick_params(labelsize=8)
