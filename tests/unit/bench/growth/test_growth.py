"""Growth: who is known, whose turn it is, and what the sizes cost."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from bench.growth.plan import GrowthPlan, in_turns
from bench.growth.points import Point, alone_ratio, by_setting, wall_ratio
from bench.growth.report import PLOT, aim_ratio, draw, markdown
from bench.suite.measurements.hbase_client import SavedRow, batches_in_turns
from bench.suite.report.ratios import Spread

PLAN = GrowthPlan(customers=(10_000, 1_000_000), partitions=(1, 2))


def point(customers: int, partitions: int, round_number: int, rate: float) -> Point:
    return Point(
        customers=customers,
        partitions=partitions,
        round_number=round_number,
        events_per_second=rate,
        own_cpu_us=12.0,
        hbase_cpu_us=8.0,
    )


POINTS = [
    point(1_000_000, 2, 1, 20_000.0),
    point(10_000, 2, 1, 40_000.0),
    point(10_000, 2, 2, 25_000.0),
    point(1_000_000, 2, 2, 25_000.0),
    point(100_000, 1, 1, 10_000.0),
]


def test_everyone_has_a_turn_before_anyone_has_another() -> None:
    turns = in_turns(100, events=250)
    assert [len(np.unique(turns[begin : begin + 100])) for begin in (0, 100)] == [100, 100]
    assert len(turns) == 250


def test_few_events_of_many_customers_go_to_distinct_ones_of_all() -> None:
    turns = in_turns(1_000_000, events=5_000)
    assert len(np.unique(turns)) == 5_000
    assert turns.max() > 900_000


def test_up_to_a_million_customers_are_met_twice() -> None:
    plan = GrowthPlan()
    turns = in_turns(1_000_000, events=plan.events)
    assert len(np.unique(turns[plan.events // 2 :])) == 1_000_000


def test_customers_grow_at_one_width_and_partitions_at_one_size() -> None:
    assert PLAN.settings(1) == [(10_000, 2), (100_000, 1), (100_000, 2), (1_000_000, 2)]
    assert PLAN.settings(3) == [(10_000, 2), (1_000_000, 2)]


def test_even_rounds_run_the_other_way_and_without_what_is_met_for_the_first_time() -> None:
    plan = GrowthPlan()
    assert (10_000_000, 2) in plan.settings(1)
    assert plan.settings(2) == [(1_000_000, 2), (100_000, 2), (10_000, 2)]


def test_cost_is_compared_round_by_round() -> None:
    assert wall_ratio(POINTS, (1_000_000, 2), (10_000, 2)) == Spread(1.5, 1.0, 2.0, 2)
    assert aim_ratio(POINTS, PLAN) == Spread(1.5, 1.0, 2.0, 2)
    assert aim_ratio(POINTS[-1:], PLAN) is None


def test_hbase_alone_is_compared_where_it_was_measured() -> None:
    small, large = (10_000, 2), (1_000_000, 2)
    assert alone_ratio(POINTS, large, small) is None
    alone = [
        replace(POINTS[0], alone_rows_per_second=40_000.0),
        replace(POINTS[1], alone_rows_per_second=50_000.0),
        *POINTS[2:],
    ]
    assert alone_ratio(alone, large, small) == Spread(1.25, 1.25, 1.25, 1)
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    text = markdown(alone, PLAN, machine={"cores": "2"}, measured_at=now)
    assert "HBase alone takes 1.25 times as long per row." in text
    assert "| 100,000 | 1 | 100.0 | 10,000 | 12.0 | 8.0 |  |" in text


def test_clients_put_their_share_of_the_customers_before_anyone_again() -> None:
    rows = [SavedRow(str(number), b"s%d" % number, b"l%d" % number) for number in range(3)]
    both = [
        list(islice(batches_in_turns(rows, customers=10, part=n, parts=2, batch_rows=4), 4))
        for n in (0, 1)
    ]
    turns = [[e for batch in batches[:2] for e in batch.entities] for batches in both]
    assert sorted(turns[0] + turns[1], key=int) == [str(number) for number in range(10)]
    assert (
        set(turns[0])
        == {"0", "2", "4", "6", "8"}
        == {e for batch in both[0][2:] for e in batch.entities}
    )
    first = both[0][0]
    assert first.states == [b"s%d" % (int(e) % 3) for e in first.entities]
    assert first.latest == [b"l%d" % (int(e) % 3) for e in first.entities]


def test_settings_are_in_order_with_their_rounds() -> None:
    assert [(setting, len(rounds)) for setting, rounds in by_setting(POINTS).items()] == [
        ((100_000, 1), 1),
        ((10_000, 2), 2),
        ((1_000_000, 2), 2),
    ]


def test_page_and_plot_tell_every_setting(tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    text = markdown(POINTS, PLAN, machine={"cores": "2"}, measured_at=now)
    assert "10,000 to 1,000,000 customers: 1.50 (1.00..2.00) times" in text
    assert "| 100,000 | 1 | 100.0 | 10,000 | 12.0 | 8.0 |  |" in text
    draw(POINTS, PLAN, tmp_path)
    assert "known customers, 2 partitions" in (tmp_path / PLOT).read_text()


def test_a_plot_is_there_from_the_first_point_on(tmp_path: Path) -> None:
    draw(POINTS[:1], PLAN, tmp_path)
    assert "known customers, 2 partitions" in (tmp_path / PLOT).read_text()
