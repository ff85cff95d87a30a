"""Prove that every event has exactly one outcome, and name the offsets that have not."""

from typing import Annotated

from rich.table import Table
from typer import Exit, Option

from batch.kafka_source import read_topic
from batch.reconcile import (
    Scope,
    broken_offsets,
    earlier_outcomes,
    judged,
    outcomes,
    partition_counts,
)
from jobs.kafka_options import spark_options
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import kafka_cluster, store_session
from jobs.run import Run, job_run
from jobs.session import spark_session
from jobs.stream_options import offsets_of
from stores.epochs import read_epoch
from streaming.epochs import epoch_warning
from streaming.topics import Survey

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
        survey = kafka_cluster(run.settings).survey([topic("events")])[topic("events")]
        scope = _scope(run, survey, begin=begin, end=end)
        with spark_session(run.settings, app_name=f"reconcile {scenario}") as spark:
            events, predictions, dead_letters = (
                read_topic(spark, options, topic(kind), headers=True)
                for kind in ("events", "predictions", "dead-letter")
            )
            found = outcomes(predictions, dead_letters, topic=topic("events"))
            retold = bool(run.scenario.second_entities)
            rows = judged(events, found, scope=scope, may_be_retold=retold).cache()
            counts, broken = partition_counts(rows), broken_offsets(rows, limit=show)
            earlier = earlier_outcomes(found, scope=scope) if scope.has_earlier_topics else 0
        table = Table("partition", "events", "predictions", "suppressed", "dead letters", "repeats")
        for each in counts:
            figures = (each.events, each.predictions, each.suppressed, each.dead_letters)
            table.add_row(str(each.partition), *(f"{n:,}" for n in (*figures, each.repeated)))
        run.console.print(table)
        if earlier:
            name = topic("events")
            run.console.print(f"{earlier:,} messages tell of events of an earlier {name}")
        for partition, offset, fault in broken:
            run.console.print(f"{topic('events')}-{partition} offset {offset}: {fault}")
        adds_up = all(each.adds_up for each in counts)
        total = sum(each.events for each in counts)
        run.console.print(f"{total:,} events, each with one outcome" if adds_up else "broken")
        if not adds_up:
            raise Exit(5)


def _scope(run: Run, survey: Survey, *, begin: str | None, end: str | None) -> Scope:
    """What is judged: what Kafka has since the stream's first epoch, or the range asked for."""
    record = read_epoch(store_session(run.settings), run.scenario.name)
    if warning := epoch_warning(record, survey.identity, scenario=run.scenario.name):
        run.console.print(warning, markup=False, highlight=False, soft_wrap=True)
    first = {p: ends[0] for p, ends in survey.offsets.items()} | dict(offsets_of(begin) or {})
    after = dict(survey.ends) | dict(offsets_of(end) or {})
    scope = Scope(record, survey.identity.topic_id, first, after)
    for partition, at in scope.first_offsets.items():
        if first.get(partition, at) < at:
            run.console.print(
                f"{survey.identity.name}-{partition}: offsets {first[partition]:,} to {at - 1:,} "
                "came before the stream's first epoch and are not scored"
            )
    return scope


app = job_app(main, doc=__doc__, example="./spark-submit.sh reconcile --scenario churn")
