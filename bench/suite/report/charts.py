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
        rates = {name: figures.rate(load, name) for name in figures.systems(load[0])}
        panels["throughput.svg"][f"{load[0]}, {load[1]} keys: events/s"] = _spreads(rates)
    for steady in figures.steady_loads:
        for title, figure in (("p50", _p50), ("p99", _p99)):
            latencies = {
                name: figures.latency(steady, name, figure) for name in figures.systems(steady[0])
            }
            where = f"{steady[0]}, {steady[1]:,.0f} events/s: {title} in ms"
            panels["latency.svg"][where] = _spreads(latencies)
    drawn = [name for name, spreads in panels.items() if spreads]
    for name in drawn:
        _save(panels[name], folder / name)
    return drawn


def _p50(latency: Any) -> float:
    return float(latency.p50_ms)


def _p99(latency: Any) -> float:
    return float(latency.p99_ms)


def _spreads(rounds_by_system: Mapping[str, Mapping[int, float]]) -> Mapping[str, Spread]:
    spreads = {name: spread_of(list(rounds.values())) for name, rounds in rounds_by_system.items()}
    return {name: spread for name, spread in spreads.items() if spread}


def _save(panels: Mapping[str, Mapping[str, Spread]], file: Path) -> None:
    from matplotlib.figure import Figure  # 0.5 s, and only the report draws

    heights = [len(spreads) for spreads in panels.values()]
    figure = Figure(
        figsize=(8.0, sum(heights) * _INCHES_PER_BAR + 0.8 * len(panels)), layout="constrained"
    )
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (title, spreads) in zip(axes, panels.items(), strict=True):
        _bars(axis, spreads)
        axis.set_title(title, loc="left", fontsize=10)
    figure.savefig(file, metadata={"Date": None})


def _bars(axis: Any, spreads: Mapping[str, Spread]) -> None:
    """A bar per system to its median, a line from its least to its most."""
    names = list(spreads)[::-1]
    medians = [spreads[name].median for name in names]
    below = [spreads[name].median - spreads[name].least for name in names]
    above = [spreads[name].most - spreads[name].median for name in names]
    colours = [_OURS if name == US else _OTHERS for name in names]
    bars = axis.barh(names, medians, xerr=(below, above), color=colours, capsize=2)
    axis.bar_label(bars, labels=[f" {median:,.0f}" for median in medians], fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.12)
    axis.tick_params(labelsize=8)
