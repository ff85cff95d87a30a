"""Publish refused events again, under the right key and in the right partition, each once."""

from collections.abc import Iterator
from typing import Annotated, Any

from rich.progress import Progress
from rich.table import Table
from typer import Exit, Option, confirm

from batch.records.archived import archived_table
from batch.records.kafka_source import read_topic
from batch.replays.dead_letter_frames import POSITION, DeadLetterChoice, dead_letters, first_epochs
from batch.replays.ledger import HEADER, OpenRun, ReplayLedger
from batch.replays.originals import Originals
from batch.replays.replaying import Corrector, DeadLetter, ReplayPlan, arrived, publish_replays
from features.events.partitioners import CUSTOM, Layout
from features.events.reasons import FORMER_REASON_CODES, NOT_REPLAYABLE, REFUSAL_CODES
from jobs.launcher.kafka_options import client_options, spark_options
from jobs.launcher.run import Run, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.streams import positions_of
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, event_limits, hbase_store
from jobs.wiring.streaming import kafka_cluster, store_session
from stores.delta.epoch_table import completed_epochs
from stores.delta.tables import is_table
from stores.kafka.cluster import Survey
from stores.kafka.producer import open_producer
from stores.records.epochs import EpochRecord, read_epoch
from stores.records.erasures import ErasureTable
from stores.records.leases import Lease, lease
from streaming.position.epochs import check_identity

SPARK = True
_LEASE = "replay"
_ALREADY = "already published again"


class UnknownReason(ValueError):
    """There is no such reason code."""

    exit_code = 2


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    reason: Annotated[
        list[str] | None, Option("--reason", help="A reason code; may be repeated.")
    ] = None,
    key: Annotated[
        list[str] | None, Option("--key", help="The record key; may be repeated.")
    ] = None,
    since: Annotated[str | None, Option(help="Reached Kafka at this time or later.")] = None,
    until: Annotated[str | None, Option(help="Reached Kafka before this time.")] = None,
    positions: Annotated[
        str | None, Option(help="Of these events: partition:offset[,partition:offset].")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Count, publish nothing.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
) -> None:
    """What is chosen by all options together is judged by today's rules: events that would be
    refused again are counted, not published. Values keep their bytes, and so their event times.

    A repeated run publishes no event twice, also after a crash: each is recorded in the Delta table
    `replays`, and carries the header `replayed_from` (topic/partition/offset/epoch, the first epoch
    in which these offsets counted).
    """
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        choice = _choice(reason, key, since, until, positions)
        conf, topic = run.settings, run.scenario.topic("events")
        record = read_epoch(store_session(conf), scenario)
        if record is None:
            return run.log("no epoch has begun, so nothing was refused: start score_stream")
        survey = kafka_cluster(conf).survey([topic])[topic]
        check_identity(record, survey.identity, scenario=scenario)
        with (
            lease(
                hbase_store(conf), scenario, _LEASE, job="replay_dead_letters", log=run.log
            ) as held,
            spark_session(conf, app_name=f"replay {scenario}", with_delta=True) as spark,
        ):
            ledger = ReplayLedger(spark, delta_place(conf, scenario))
            for open_run in ledger.open_runs():
                _recover(run, ledger, open_run, survey)
            plan = _plan(run, ledger, choice, record, survey)
            _show(run, plan)
            count = len(plan.replays)
            if not count or dry_run or not (yes or confirm(f"Publish {count:,} events again?")):
                return run.log(f"nothing was published, {count:,} events could be")
            done = _publish(run, ledger, plan, survey, held)
        run.log(f"{done:,} of {count:,} events published again on {topic}")
        if done < count:
            run.log("the others were not acknowledged: run the same command again")
            raise Exit(3)


def _choice(
    reason: list[str] | None,
    key: list[str] | None,
    since: str | None,
    until: str | None,
    positions: str | None,
) -> DeadLetterChoice:
    known_codes = {*REFUSAL_CODES, *FORMER_REASON_CODES, *NOT_REPLAYABLE}
    for code in reason or ():
        if code not in known_codes:
            raise UnknownReason(f"there is no reason code {code!r}: {', '.join(REFUSAL_CODES)}")
    begin, end = moment_of(since), moment_of(until)
    return DeadLetterChoice(
        reasons=reason or (),
        keys=[record_key.encode() for record_key in key or ()],
        since_ms=None if begin is None else round(begin.timestamp() * 1000),
        until_ms=None if end is None else round(end.timestamp() * 1000),
        positions=positions_of(positions),
    )


def _plan(
    run: Run, ledger: ReplayLedger, choice: DeadLetterChoice, record: EpochRecord, survey: Survey
) -> ReplayPlan:
    conf, spark, topic = run.settings, ledger.spark, survey.identity.name
    options, place = spark_options(conf.kafka), ledger.place
    frames = [read_topic(spark, options, run.scenario.topic("dead-letter"), headers=True)]
    if is_table(spark, place.path("dead-letter")):
        frames.append(archived_table(spark, place, "dead-letter"))
    starts = completed_epochs(spark, place, record.starts)
    letters = dead_letters(frames, source_topic=topic, first_epochs=first_epochs(starts))
    selected_letters = choice.of(letters).cache()
    published = ledger.published()
    unpublished_letters = selected_letters
    if published is not None:
        unpublished_letters = selected_letters.join(published, on=list(POSITION), how="left_anti")
    originals = Originals(
        spark=spark,
        place=place,
        client_options=client_options(conf.kafka),
        topic=topic,
        topic_id=survey.identity.topic_id,
        topic_ids={start.epoch: start.topic_id for start in starts},
    )
    corrector = Corrector(
        schema=run.scenario.schema,
        decoder=event_limits(conf).decoder(run.scenario.schema),
        layout=Layout(
            partitioner=record.partitioner or CUSTOM, partitions=len(survey.identity.partitions)
        ),
        fetch=originals.fetch,
        erased=ErasureTable(store_session(conf), run.scenario.name).read(),
    )
    try:
        plan = corrector.plan(_letters(unpublished_letters))
    finally:
        originals.close()
    if published is not None:
        again = selected_letters.join(published, on=list(POSITION), how="left_semi")
        for row in again.groupBy("reason_code").count().collect():
            plan.left_out[row["reason_code"], _ALREADY] += row["count"]
    return plan


def _letters(rows: Any) -> Iterator[DeadLetter]:
    """In the order in which Kafka had the events."""
    for row in rows.orderBy("arrived_ms", *POSITION).toLocalIterator():
        yield DeadLetter(
            position=(row["epoch"], row["partition"], row["offset"]),
            key=None if row["key"] is None else bytes(row["key"]),
            value=None if row["value"] is None else bytes(row["value"]),
            reason_code=row["reason_code"],
            value_bytes=row["value_bytes"],
            value_sha256=row["value_sha256"],
            home=row["home"],
        )


def _show(run: Run, plan: ReplayPlan) -> None:
    table = Table("reason", "events", "what is done", box=None)
    for code, count in sorted(plan.publishable.items()):
        table.add_row(code, f"{count:,}", "published again")
    for (code, why), count in sorted(plan.left_out.items()):
        is_refusal = why in REFUSAL_CODES
        table.add_row(code, f"{count:,}", f"left out: {'still ' if is_refusal else ''}{why}")
    run.console.print(table if table.row_count else "no dead letter is chosen")


def _publish(run: Run, ledger: ReplayLedger, plan: ReplayPlan, survey: Survey, held: Lease) -> int:
    topic, conf = survey.identity.name, run.settings
    number = ledger.begin(
        (replay.position for replay in plan.replays),
        topic_id=survey.identity.topic_id,
        at=survey.ends,
    )
    with (
        open_producer(
            client_options(conf.kafka), max_event_bytes=conf.stream.max_event_bytes
        ) as producer,
        Progress(console=run.console, disable=not run.console.is_terminal) as progress,
    ):
        task = progress.add_task("publishing again", total=len(plan.replays))
        places = publish_replays(
            plan.replays,
            producer,
            topic=topic,
            on_sent=lambda: progress.advance(task),
            check=held.check,
        )
    ledger.end(number, dict(places))
    return len(places)


def _recover(run: Run, ledger: ReplayLedger, open_run: OpenRun, survey: Survey) -> None:
    """Find out what of a run that did not end has arrived, and record it."""
    from pyspark.sql import functions as F

    topic, spark = survey.identity.name, ledger.spark
    frames = []
    if open_run.topic_id == survey.identity.topic_id:
        begin = {p: max(open_run.begin.get(p, 0), at[0]) for p, at in survey.offsets.items()}
        options = spark_options(run.settings.kafka)
        # A record of ours may lie behind the open transaction of another producer.
        frames.append(
            read_topic(spark, options, topic, headers=True, begin=begin, is_committed=False)
        )
    if is_table(spark, ledger.place.path("events")):
        events = archived_table(spark, ledger.place, "events")
        frames.append(events.where(F.col("topic_id") == open_run.topic_id))
    headers = [
        (bytes(header["value"]).decode("utf-8", "replace"), row["partition"], row["offset"])
        for frame in frames
        for row in frame.where(F.exists("headers", lambda header: header["key"] == HEADER))
        .select("partition", "offset", "headers")
        .collect()
        for header in row["headers"]
        if header["key"] == HEADER
    ]
    places = arrived(headers, open_run.positions, topic=topic)
    ledger.end(open_run.run, places)
    count = sum(place is not None for place in places.values())
    run.log(f"run {open_run.run} did not end: {count:,} of its {len(places):,} events have arrived")


app = job_app(
    main,
    doc=f"{__doc__}\n\n{main.__doc__}",
    example="./spark-submit.sh replay_dead_letters --scenario churn --reason wrong_partition "
    "--since 2026-11-21T12:00:00Z --dry-run",
)
