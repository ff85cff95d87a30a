"""Prove that every event has exactly one outcome, and name the offsets that have not."""

from typing import Annotated, Any

from rich.table import Table
from typer import Exit, Option

from batch.proofs.reconcile import (
    Scope,
    broken_offsets,
    earlier_outcomes,
    judged,
    outcomes,
    partition_counts,
)
from batch.records.kafka_source import read_topic
from jobs.launcher.kafka_options import spark_options
from jobs.launcher.run import Run, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.streams import offsets_of
from jobs.spark.session import spark_session
from jobs.wiring.streaming import kafka_cluster, store_session
from stores.delta.files import HadoopFiles
from stores.hbase.states import StateTable
from stores.kafka.cluster import Survey
from stores.records.epochs import read_epoch
from stores.records.losses import read_losses, uncovered
from streaming.advance.next_epoch import scored_upto
from streaming.position.checkpoints import Checkpoints
from streaming.position.epochs import epoch_warning
from streaming.position.progress import done_upto
from streaming.position.remedies import accept_loss_command

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
            logged_outcomes = outcomes(predictions, dead_letters, topic=topic("events"))
            may_be_retold = bool(run.scenario.second_entities)
            rows = judged(events, logged_outcomes, scope=scope, may_be_retold=may_be_retold).cache()
            counts, broken = partition_counts(rows), broken_offsets(rows, limit=show)
            earlier = (
                earlier_outcomes(logged_outcomes, scope=scope) if scope.has_earlier_topics else 0
            )
            unread = _lost_unread(run, survey, scope, spark=spark)
        table = Table("partition", "events", "predictions", "suppressed", "dead letters", "repeats")
        for count in counts:
            figures = (count.events, count.predictions, count.suppressed, count.dead_letters)
            table.add_row(str(count.partition), *(f"{n:,}" for n in (*figures, count.repeated)))
        run.console.print(table)
        if earlier:
            name = topic("events")
            run.console.print(f"{earlier:,} messages are about events of an earlier {name}")
        for partition, offset, fault in broken:
            run.console.print(f"{topic('events')}-{partition} offset {offset}: {fault}")
        for line in [*(loss.sentence for loss in scope.losses), *unread]:
            run.console.print(line, markup=False, highlight=False, soft_wrap=True)
        adds_up = all(count.adds_up for count in counts) and not unread
        total = sum(count.events - count.lost for count in counts)
        lost = sum(loss.count for loss in scope.losses)
        accepted = f"; {lost:,} lost to retention before, recorded and accepted" * bool(lost)
        sentence = f"{total:,} events, each with one outcome{accepted}"
        run.console.print(sentence if adds_up else "broken", soft_wrap=True)
        if not adds_up:
            raise Exit(5)


def _lost_unread(run: Run, survey: Survey, scope: Scope, *, spark: Any) -> list[str]:
    """What Kafka dropped before it was scored and nobody has accepted, a line for each range."""
    session, record = store_session(run.settings), scope.record
    if record is None or record.topic_id != survey.identity.topic_id:
        return []
    states, lines = StateTable(session, run.scenario.name), []
    # Where only transactions' own markers lie, the checkpoint is further than the last batch's end.
    root, files = run.settings.stream.checkpoint_root, HadoopFiles(spark)
    checkpoints = Checkpoints(files, root, run.scenario.name, record.epoch)
    finished = scored_upto(checkpoints, record, states)
    for partition, (held_from, _) in survey.offsets.items():
        upto = done_upto(states.newest_marker(partition), survey, record, partition=partition)
        upto = max(upto, finished.get(partition, 0))
        parts = uncovered(scope.losses, partition=partition, first=upto, end=held_from)
        lines += [
            f"{record.topic}-{partition} offsets {first:,} to {end - 1:,} ({end - first:,}): "
            f"not scored, and Kafka no longer holds them: {accept_loss_command(run.scenario.name)}"
            for first, end in parts
        ]
    return lines


def _scope(run: Run, survey: Survey, *, begin: str | None, end: str | None) -> Scope:
    """What is judged: what Kafka has since the stream's first epoch, or the range asked for."""
    session = store_session(run.settings)
    record = read_epoch(session, run.scenario.name)
    if warning := epoch_warning(record, survey.identity, scenario=run.scenario.name):
        run.console.print(warning, markup=False, highlight=False, soft_wrap=True)
    first = {p: ends[0] for p, ends in survey.offsets.items()} | dict(offsets_of(begin) or {})
    after = dict(survey.ends) | dict(offsets_of(end) or {})
    losses = [
        loss
        for loss in read_losses(session, run.scenario.name)
        if (loss.topic_id, loss.missing_in) == (survey.identity.topic_id, "stream")
    ]
    scope = Scope(record, survey.identity.topic_id, first, after, losses)
    for partition, at in scope.first_offsets.items():
        if first.get(partition, at) < at:
            run.console.print(
                f"{survey.identity.name}-{partition}: offsets {first[partition]:,} to {at - 1:,} "
                "came before the stream's first epoch and are not scored"
            )
    return scope


app = job_app(main, doc=__doc__, example="./spark-submit.sh reconcile --scenario churn")
