"""Growth as a Markdown page and a plot."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.growth.plan import BATCH_ROWS, GrowthPlan
from bench.growth.points import Point, alone_ratio, by_setting, wall_ratio, wall_spreads
from bench.markdown import markdown_table
from bench.suite.report.ratios import Spread, spread_of

PLOT = "growth.svg"
AIM_AT_A_MILLION = 1.15
_SMALL, _LARGE = 10_000, 1_000_000


def aim_ratio(points: Sequence[Point], plan: GrowthPlan) -> Spread | None:
    """The cost per event at a million customers over that at ten thousand."""
    return wall_ratio(points, (_LARGE, plan.base_partitions), (_SMALL, plan.base_partitions))


def alone_at_a_million(points: Sequence[Point], plan: GrowthPlan) -> Spread | None:
    """The same ratio of HBase alone."""
    return alone_ratio(points, (_LARGE, plan.base_partitions), (_SMALL, plan.base_partitions))


def markdown(
    points: Sequence[Point],
    plan: GrowthPlan,
    *,
    machine: Mapping[str, str],
    measured_at: datetime,
) -> str:
    """The page; `measured_at` in UTC."""
    aim = aim_ratio(points, plan)
    growth = "" if aim is None else f" {_SMALL:,} to {_LARGE:,} customers: {aim.text(2)} times."
    alone = alone_at_a_million(points, plan)
    floor = "" if alone is None else f" HBase alone takes {alone.text(2)} times as long per row."
    lines = [
        "# Growth",
        "",
        f"{measured_at:%Y-%m-%d %H:%M} UTC. Cost of an event to our stream at full speed.{growth} "
        f"The aim is {AIM_AT_A_MILLION} times at most.{floor}",
        "",
        f"![cost per event]({PLOT})",
        "",
        *_table(points),
        "",
        "## How it was measured",
        "",
        f"- {plan.text()}",
        "- Every customer has a state before the run: those of 2,000 customers after 20 events "
        "each, written for all at a position older than every event; then HBase is given time to "
        "flush and compact.",
        f"- Customers take turns in random order, and the pass takes {BATCH_ROWS:,} events at "
        "once at most, so that an event writes a row of its own at every size. As it is set "
        "otherwise it takes up to 120,000, of which few customers share most: cheaper for that.",
        f"- Up to {plan.events // 2:,} customers the measured half meets customers whom the stream "
        "has met before, as it does all day; of more, some or all are met for the first time and "
        "read from HBase.",
        "- The first size ran once before, unmeasured, so that HBase was warm; rounds go through "
        "the sizes in turns, up and down.",
        "- HBase alone: afterwards, in the first round, two clients put such rows into the same "
        f"table, of as many customers in turns, {BATCH_ROWS:,} a call, and do nothing else; the "
        "second half counts.",
        "- Rates are taken as `python -m bench.suite` takes them: from rows in HBase, over about "
        "the second half of the events. CPU per event is that of all our processes, and HBase's.",
        "",
        "## Machine",
        "",
        *markdown_table(("what", "value"), list(machine.items())),
    ]
    return "\n".join(lines) + "\n"


def _table(points: Sequence[Point]) -> list[str]:
    columns = (
        *("customers", "partitions", "µs per event", "events/s", "CPU µs, ours", "HBase's"),
        "HBase alone, µs per row",
    )
    rows = []
    for (customers, partitions), setting_points in by_setting(points).items():
        figures = (
            [point.wall_us for point in setting_points],
            [point.events_per_second for point in setting_points],
            [point.own_cpu_us for point in setting_points],
            [point.hbase_cpu_us for point in setting_points],
            [point.alone_us for point in setting_points if point.alone_us is not None],
        )
        spreads = [spread_of(figure) for figure in figures]
        digits = (1, 0, 1, 1, 1)
        texts = ["" if s is None else s.text(d) for s, d in zip(spreads, digits, strict=True)]
        rows.append((f"{customers:,}", str(partitions), *texts))
    return markdown_table(columns, rows)


def draw(points: Sequence[Point], plan: GrowthPlan, folder: Path) -> None:
    """Write the plot: cost over customers on the left, over partitions on the right."""
    from matplotlib.figure import Figure  # 0.5 s, and only the report draws

    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    spreads = wall_spreads(points)
    by_customers = {
        setting[0]: spread
        for setting, spread in spreads.items()
        if setting[1] == plan.base_partitions
    }
    by_partitions = {
        setting[1]: spread
        for setting, spread in spreads.items()
        if setting[0] == plan.base_customers
    }
    left.set_ylabel("µs per event")
    # The page is written after every run: in the first ones a side has nothing to show yet.
    if by_customers:
        _line(left, by_customers, label=f"known customers, {plan.base_partitions} partitions")
        left.set_xscale("log")
    if by_partitions:
        _line(right, by_partitions, label=f"partitions, {plan.base_customers:,} customers")
        right.set_xscale("log", base=2)
        right.set_xticks(
            sorted(by_partitions), [str(by_partition) for by_partition in sorted(by_partitions)]
        )
    figure.savefig(folder / PLOT, metadata={"Date": None})


def _line(axis: Any, spreads: Mapping[int, Spread], *, label: str) -> None:
    at = sorted(spreads)
    medians = [spreads[size].median for size in at]
    below = [spreads[size].median - spreads[size].least for size in at]
    above = [spreads[size].most - spreads[size].median for size in at]
    axis.errorbar(at, medians, yerr=(below, above), marker="o", capsize=3, color="#b3261e")
    axis.set_xlabel(label)
    axis.set_ylim(bottom=0)
    axis.spines[["top", "right"]].set_visible(False)
