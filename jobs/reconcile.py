"""Prove that every event has exactly one outcome, and name the offsets that have not."""

from typing import Annotated

from rich.table import Table
from typer import Exit, Option

from batch.kafka_source import read_topic
from batch.reconcile import broken_offsets, judged, outcomes, partition_counts
from jobs.kafka_options import spark_options
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import kafka_cluster
from jobs.run import job_run
from jobs.session import spark_session
from jobs.stream_options import offsets_of

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    begin: Annotated[str | None, Option(help="First: partition:offset[,...].")] = None,
    end: Annotated[str | None, Option(help="After the last: partition:offset[,...].")] = None,
    show: Annotated[int, Option(min=1, help="How many broken offsets to name.")] = 20,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        topic, options = run.scenario.topic, spark_options(run.settings.kafka)
        kept = kafka_cluster(run.settings).offsets(topic("events"))
        first = {p: ends[0] for p, ends in kept.items()} | dict(offsets_of(begin) or {})
        after = {p: ends[1] for p, ends in kept.items()} | dict(offsets_of(end) or {})
        with spark_session(run.settings, app_name=f"reconcile {scenario}") as spark:
            events, predictions, dead_letters = (
                read_topic(spark, options, topic(kind), headers=True)
                for kind in ("events", "predictions", "dead-letter")
            )
            told = outcomes(predictions, dead_letters, topic=topic("events"))
            retold = bool(run.scenario.second_entities)
            rows = judged(events, told, begin=first, end=after, may_be_retold=retold).cache()
            counts, broken = partition_counts(rows), broken_offsets(rows, limit=show)
        table = Table("partition", "events", "predictions", "suppressed", "dead letters", "repeats")
        for each in counts:
            figures = (each.events, each.predictions, each.suppressed, each.dead_letters)
            table.add_row(str(each.partition), *(f"{n:,}" for n in (*figures, each.repeated)))
        run.console.print(table)
        for partition, offset, fault in broken:
            run.console.print(f"{topic('events')}-{partition} offset {offset}: {fault}")
        adds_up = all(each.adds_up for each in counts)
        total = sum(each.events for each in counts)
        run.console.print(f"{total:,} events, each with one outcome" if adds_up else "broken")
        if not adds_up:
            raise Exit(5)


app = job_app(main, doc=__doc__, example="./spark-submit.sh reconcile --scenario churn")
