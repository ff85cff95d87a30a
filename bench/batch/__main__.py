"""How fast a million customers are scored: the batch job's steps beside scikit-learn alone."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.table import Table
from typer import Option

from batch.scoring.run_tables import RunTables, run_id
from bench.batch.crowd import PARTITIONS, Crowd, folded, real_events
from bench.batch.trials import Round, features_in, fold_job_rate, fold_rate, scoring_round
from bench.machine import described
from conf.settings import load_settings
from features.events.arrow_records import ARCHIVED_COLUMNS
from jobs.launcher.code_version import git_commit
from jobs.launcher.endpoints import resolve_endpoints
from jobs.launcher.outcome import ending_with_exit_code
from jobs.launcher.run import Run
from jobs.spark.session import spark_session
from jobs.wiring.batch_scoring import BatchSteps, for_scoring, scorer_of
from jobs.wiring.from_settings import delta_place, hbase_store
from local.endpoints import read_endpoints
from proofs.stage import own_stage, stage_in
from reports.steps import timed_step
from reports.terminal import Terminal
from scenarios.churn.scenario import SCENARIO
from stores.delta.tables import DeltaPlace, read_table, write_new_table

_AIM = 0.8


def main(
    customers: Annotated[int, Option(min=1000, help="How many are scored.")] = 1_000_000,
    rounds: Annotated[int, Option(min=1, help="Alternations of scoring.")] = 4,
    events: Annotated[int, Option(min=1000, help="Follow-up events of the fold.")] = 300_000,
    seed: Annotated[int, Option(help="Seed of copies and follow-ups.")] = 42,
    keep: Annotated[bool, Option("--keep", help="Keep the platform's folder and logs.")] = False,
    run_dir: Annotated[Path | None, Option(help="Use this running platform and model.")] = None,
) -> None:
    """Measure all steps; the last line holds the ratio that must be 0.8 or more."""
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False), ExitStack() as stack:
        if run_dir is None:
            stage = stack.enter_context(own_stage("churn", keep=keep, console=console))
        else:
            stage = stage_in(run_dir.resolve(), "churn", console=console)
        settings = for_scoring(
            resolve_endpoints(
                load_settings("local", overrides=[f"platform.run_dir={stage.run_dir}"])
            )
        )
        for name, value in described(read_endpoints(stage.run_dir).versions).items():
            console.print(f"{name}: {value}", markup=False, highlight=False)
        made = real_events(follow_ups=events, seed=seed)
        with timed_step(f"putting {customers:,} states into HBase", console):
            Crowd(*folded(made[:-events]), customers, seed).write(hbase_store(settings))
        with timed_step("folding on one core, three times", console):
            fold_rates = [fold_rate(made) for _ in range(3)]
        spark = stack.enter_context(spark_session(settings, app_name="bench", with_delta=True))
        scorer = scorer_of(settings, SCENARIO, version="champion", at_ms=None)
        tables = RunTables(place=delta_place(settings, "churn"), run=run_id(datetime.now(UTC)))
        run = Run(settings=settings, scenario=SCENARIO, console=console)
        steps = BatchSteps(run, spark, tables, scorer, commit=git_commit())
        job_rates = _fold_jobs(spark, tables.place, made)
        scored_rounds = _measured(steps, rounds)
    Terminal(width=None if sys.stdout.isatty() else 140).print(_table(scored_rounds))
    print(f"fold, one core: {_spread(fold_rates)} events/s")
    print(f"fold as a Spark job: {_spread(job_rates)} events/s")
    print(_last_line(scored_rounds))
    if np.median([turn.ratio for turn in scored_rounds]) < _AIM:
        raise typer.Exit(5)


def _measured(steps: BatchSteps, rounds: int) -> list[Round]:
    """All steps of a run once, scoring several times more; the first time only warms up."""
    states = steps.store_states(steps.states_in_store())
    features = features_in(states)
    scoring_round(0, steps, states, features)
    scored_rounds = [
        scoring_round(number, steps, states, features) for number in range(1, rounds + 1)
    ]
    scores = steps.score(states)
    steps.publish(states, count=steps.show(scores, states))
    return scored_rounds


def _fold_jobs(
    spark: SparkSession, place: DeltaPlace, events: Sequence[tuple[bytes, bytes]]
) -> list[float]:
    """The rates of three Spark jobs over a Delta table of `events`."""
    records = _archived(spark, place, events)
    return [fold_job_rate(records, count=len(events)) for _ in range(3)]


def _archived(
    spark: SparkSession, place: DeltaPlace, events: Sequence[tuple[bytes, bytes]]
) -> DataFrame:
    import pandas as pd

    frame = pd.DataFrame(events, columns=["key", "value"])
    frame["offset"] = np.arange(len(events))
    made = spark.createDataFrame(frame, "key binary, value binary, offset bigint")
    partition = F.pmod(F.crc32("key"), F.lit(PARTITIONS)).cast("int").alias("partition")
    now, first = F.lit(datetime(2026, 11, 22, tzinfo=UTC)), F.lit(1)
    derived_columns = [partition, now.alias("timestamp"), first.alias("epoch")]
    records = made.select("*", *derived_columns).select(*ARCHIVED_COLUMNS)
    path = place.path("bench_events", run_id(datetime.now(UTC)))
    write_new_table(records, path, place=place, note="made by bench.batch")
    return read_table(spark, path, made_by="bench.batch")


def _table(rounds: Sequence[Round]) -> Table:
    table = Table(title="rows scored per second, and per second of CPU", title_justify="left")
    columns = ("scikit-learn alone, one core", "job", "job per core", "ratio", "CPU ratio")
    plain_columns = ("job with scikit-learn's predictor", "ratio", "CPU ratio")
    for column in ("round", *columns, *plain_columns, "load"):
        table.add_column(column, justify="right")
    for turn in rounds:
        rates = (turn.alone.wall, turn.job.wall, turn.job.wall / turn.cores)
        ratios = (f"{turn.ratio:.2f}", f"{turn.cpu_ratio:.2f}")
        plain = (f"{turn.plain_job.wall:,.0f}", f"{turn.plain_ratio:.2f}")
        end = (f"{turn.plain_cpu_ratio:.2f}", f"{turn.load:.1f}")
        table.add_row(str(turn.number), *(f"{r:,.0f}" for r in rates), *ratios, *plain, *end)
    return table


def _last_line(rounds: Sequence[Round]) -> str:
    ratios, of_cpu = ([turn.ratio for turn in rounds], [turn.cpu_ratio for turn in rounds])
    return (
        f"batch job {_spread([turn.job.wall for turn in rounds])} rows/s, "
        f"scikit-learn {_spread([turn.alone.wall for turn in rounds])} rows/s a core, "
        f"ratio per core {np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), "
        f"per second of CPU {np.median(of_cpu):.2f} ({min(of_cpu):.2f} to {max(of_cpu):.2f})"
    )


def _spread(rates: Sequence[float]) -> str:
    return f"{np.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command(help=__doc__, epilog="Example: python -m bench.batch --customers 100000 --rounds 2")(
    main
)

if __name__ == "__main__":
    app()
