"""What one run of the growth benchmark gave, and the ratios between sizes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.suite.report.ratios import Spread, ratio_of, spread_of

US_PER_SECOND = 1_000_000.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """One saturated run of our stream; costs are per event.

    alone_rows_per_second: of HBase from two clients that only put such rows of as many customers;
    None where it was not measured.
    """

    customers: int
    partitions: int
    round_number: int
    events_per_second: float
    own_cpu_us: float
    hbase_cpu_us: float
    alone_rows_per_second: float | None = None

    @property
    def wall_us(self) -> float:
        """Wall-clock time per event."""
        return US_PER_SECOND / self.events_per_second

    @property
    def alone_us(self) -> float | None:
        """Wall-clock time per row that HBase alone takes."""
        rate = self.alone_rows_per_second
        return None if rate is None else US_PER_SECOND / rate

    @property
    def cpu_us(self) -> float:
        """CPU per event, our processes' and HBase's."""
        return self.own_cpu_us + self.hbase_cpu_us


Setting = tuple[int, int]  # customers, partitions


def by_setting(points: Sequence[Point]) -> Mapping[Setting, Sequence[Point]]:
    """(customers, partitions) → the rounds, by rising partitions, then customers."""
    points_by_setting: dict[Setting, list[Point]] = {}
    for point in sorted(points, key=lambda point: (point.partitions, point.customers)):
        points_by_setting.setdefault((point.customers, point.partitions), []).append(point)
    return points_by_setting


def wall_ratio(points: Sequence[Point], one: Setting, other: Setting) -> Spread | None:
    """Time per event at `one` over that at `other`, round by round."""
    return _ratio(points, one, other, lambda point: point.wall_us)


def alone_ratio(points: Sequence[Point], one: Setting, other: Setting) -> Spread | None:
    """Time per row of HBase alone at `one` over that at `other`, round by round."""
    return _ratio(points, one, other, lambda point: point.alone_us)


def _ratio(
    points: Sequence[Point],
    one: Setting,
    other: Setting,
    figure: Callable[[Point], float | None],
) -> Spread | None:
    groups = by_setting(points)
    figures, base = (
        {
            point.round_number: value
            for point in groups.get(setting, ())
            if (value := figure(point)) is not None
        }
        for setting in (one, other)
    )
    return ratio_of(figures, base)


def wall_spreads(points: Sequence[Point]) -> Mapping[Setting, Spread]:
    """Time per event of each setting in microseconds."""
    spreads = {
        setting: spread_of([point.wall_us for point in setting_points])
        for setting, setting_points in by_setting(points).items()
    }
    return {setting: spread for setting, spread in spreads.items() if spread}
