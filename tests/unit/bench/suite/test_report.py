"""The suite's report: winners, spreads, ratios with their aims, and what was not measured."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.suite.attempts import reason_of
from bench.suite.measurements.results import (
    Ceiling,
    Failure,
    Latency,
    Recovery,
    Results,
    Throughput,
)
from bench.suite.plan import FULL, QUICK, Plan, UnknownChoice, rotated
from bench.suite.report.aims import Ratio, ratios
from bench.suite.report.charts import draw
from bench.suite.report.page import Measured, markdown
from bench.suite.report.results_file import read_results, write_results
from bench.suite.systems.catalogue import OUR_BATCH_ROWS, RECIPES, Peer
from conf.settings import load_settings


def throughput(
    system: str, round_number: int, events_per_second: float, *, workload: str = "stateless"
) -> Throughput:
    return Throughput(
        workload=workload,
        keys="uniform",
        system=system,
        round_number=round_number,
        events_per_second=events_per_second,
        rows_per_second=events_per_second * 0.9 if system == "everscore" else None,
        cpu_seconds_per_million=20.0,
        hbase_cpu_seconds_per_million=10.0,
        kafka_cpu_seconds_per_million=5.0,
        peak_rss_mib=900.0,
        peak_pss_mib=800.0,
        stale_rows=0,
    )


def latency(system: str, p50_ms: float, p99_ms: float) -> Latency:
    return Latency(
        workload="stateless",
        system=system,
        round_number=1,
        events_per_second=1000.0,
        samples=4000,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        p999_ms=p99_ms,
        first_p50_ms=2 * p50_ms,
        first_p99_ms=2 * p99_ms,
        cpu_ms_per_event=0.5,
    )


def recovery(system: str, *, missing: int = 0, differing: int | None = 0) -> Recovery:
    return Recovery(
        workload="stateful",
        system=system,
        round_number=1,
        seconds=12.34,
        rows=1000,
        missing_rows=missing,
        differing_rows=differing,
    )


RESULTS = Results(
    throughput=[
        throughput("everscore", 1, 30_000.0),
        throughput("plain", 1, 20_000.0),
        throughput("bytewax", 1, 10_000.0),
        throughput("bytewax", 2, 40_000.0),
        throughput("everscore", 2, 20_000.0),
        throughput("expert", 2, 30_000.0),
        throughput("expert", 1, 30_000.0),
    ],
    ceilings=[
        Ceiling(
            workload="stateless",
            keys="uniform",
            round_number=1,
            put=30_000.0,
            get=40_000.0,
            get_and_put=15_000.0,
        )
    ],
    latency=[latency("everscore", 100.0, 300.0), latency("plain", 20.0, 100.0)],
    recovery=[recovery("everscore"), recovery("plain", missing=3, differing=700)],
    failures=[
        Failure(
            part="latency",
            workload="stateless",
            system="bytewax",
            round_number=1,
            reason="MeasurementUnsound: fell\nbehind | far",
        )
    ],
    absent={"quixstreams": "no wheel"},
)


def named(results: Results, name: str) -> Ratio:
    (ratio,) = (ratio for ratio in ratios(results) if ratio.name == name)
    return ratio


def page(results: Results = RESULTS, *, plan: Plan = FULL) -> str:
    return markdown(
        Measured(
            results=results,
            plan=plan,
            machine={"cores": "2"},
            measured_at=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
            charts=("throughput.svg",),
        )
    )


def test_the_fastest_common_peer_is_found_round_by_round() -> None:
    ratio = named(RESULTS, "stateless, uniform keys: events/s: us / fastest common peer")
    assert (ratio.spread.least, ratio.spread.most) == (0.5, 1.5)
    assert ratio.spread.median == 1.0
    assert ratio.is_missed
    assert ratio.wanted == "≥ 1.3"


def test_rows_are_compared_with_hbase_of_the_same_round() -> None:
    ratio = named(RESULTS, "stateless, uniform keys: rows/s: us / HBase that only puts")
    assert ratio.spread.median == pytest.approx(0.9)
    assert not ratio.is_missed


def test_latency_may_be_a_multiple_of_the_plain_loops() -> None:
    where = "stateless, 1,000 events/s"
    assert not named(RESULTS, f"{where}: p50: us / plain loop").is_missed
    assert named(RESULTS, f"{where}: p99: us / plain loop").is_missed


def test_the_floor_stands_beside_the_aims_and_is_nobodys_peer() -> None:
    bare = throughput("bare-trigger", 1, 90_000.0)
    with_floor = replace(
        RESULTS,
        throughput=[*RESULTS.throughput, replace(bare, rows_per_second=15_000.0)],
        latency=[*RESULTS.latency, latency("bare-trigger", 60.0, 200.0)],
    )
    rows = named(with_floor, "stateless, uniform keys: rows/s: bare trigger / HBase that only puts")
    assert (rows.spread.median, rows.is_missed) == (0.5, False)
    p99 = named(with_floor, "stateless, 1,000 events/s: p99: bare trigger / plain loop")
    assert (p99.spread.median, p99.is_missed) == (2.0, False)
    fastest = "stateless, uniform keys: events/s: us / fastest peer of all"
    assert named(with_floor, fastest) == named(RESULTS, fastest)
    assert "| bare-trigger, rows written | 15,000 |" in page(with_floor)


def test_the_floor_is_measured_where_it_is_a_limit_only() -> None:
    assert "bare-trigger" in FULL.throughput_systems("stateless", "uniform")
    assert "bare-trigger" not in FULL.throughput_systems("stateless", "zipf")
    assert "bare-trigger" not in FULL.throughput_systems("stateful", "uniform")
    others = ["everscore", "everscore-real-time", "plain", "expert-large-each"]
    with_floor = [*others[:2], "bare-trigger", *others[2:]]
    assert FULL.latency_systems("stateless", 1_000.0) == with_floor
    assert FULL.latency_systems("stateless", 200.0) == others
    assert "bare-trigger" not in FULL.recovery_systems


def test_who_is_nearly_alike_is_measured_to_the_topics_end() -> None:
    at_most = {name: FULL.throughput_seconds_of(name) for name in FULL.systems}
    longest = [name for name, seconds in at_most.items() if seconds == max(at_most.values())]
    streams = ["everscore", "everscore-real-time", "bare-trigger"]
    assert longest == [*streams, "expert-large-each"]


def test_an_expert_takes_as_many_events_at_once_as_we_do() -> None:
    assert load_settings("local", environ={}).stream.batch_rows == OUR_BATCH_ROWS
    (large,) = [recipe for recipe in RECIPES if recipe.name == "expert-large-each"]
    start = large.made(Path("python")).start
    assert isinstance(start, Peer)
    assert start.batch_rows == OUR_BATCH_ROWS


def test_one_wrong_row_after_a_kill_misses_the_aim() -> None:
    name = "stateful: rows of ours that a kill left missing or different"
    assert not named(RESULTS, name).is_missed
    assert named(Results(recovery=[recovery("everscore", differing=1)]), name).is_missed


def test_nothing_measured_gives_no_ratios() -> None:
    assert ratios(Results()) == []


def test_the_winner_is_bold_even_where_it_is_a_peer() -> None:
    text = page()
    assert "| everscore | 25,000 (20,000..30,000) |" in text
    assert "| expert | **30,000 (30,000..30,000)** |" in text


def test_the_report_says_who_recovers_exactly_and_by_how_much_others_do_not() -> None:
    text = page()
    assert "| everscore | 12.3 | **yes** | 0 missing, 0 differ of 1,000 |" in text
    assert "| plain | 12.3 | no | 3 missing, 700 differ of 1,000 |" in text


def test_the_report_names_what_is_absent_and_what_failed_in_one_line_each() -> None:
    text = page()
    assert "| quixstreams |  | no wheel |" in text
    assert (
        "| bytewax | stateless, latency, round 1 | MeasurementUnsound: fell behind \\| far |"
        in text
    )


def test_a_failure_is_told_by_its_cause_and_without_this_machines_folders() -> None:
    error = RuntimeError("app ended, its log is /tmp/x-1/app.log:\n  line 7\n\nGone: '/a/b'\n")
    assert reason_of(error) == "RuntimeError: app ended, its log is app.log: Gone: 'b'"


def test_the_report_describes_machine_plan_and_chart() -> None:
    text = page(plan=QUICK)
    assert "2026-11-21 12:00 UTC" in text
    assert "1,500,000 events" in text
    assert "| cores | 2 |" in text
    assert "![throughput.svg](throughput.svg)" in text
    assert "quixstreams, one process" not in text


def test_results_survive_being_kept(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    assert read_results(tmp_path) == RESULTS


def test_charts_are_drawn_for_what_was_measured(tmp_path: Path) -> None:
    assert draw(RESULTS, tmp_path) == ["throughput.svg", "latency.svg"]
    assert "stateless, uniform keys: events/s" in (tmp_path / "throughput.svg").read_text()
    assert draw(Results(), tmp_path) == []


def test_every_system_is_first_once() -> None:
    orders = [rotated(["a", "b", "c"], number) for number in (1, 2, 3, 4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_an_unknown_choice_names_the_known_ones() -> None:
    with pytest.raises(UnknownChoice, match=r"--systems is 'spark', expected some of everscore,"):
        Plan(systems=("spark",))
