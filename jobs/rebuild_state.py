"""Rebuild states and rows from the archive: for lost tables, or after features changed."""

from typing import Annotated

from msgspec.structs import replace
from pyspark.sql import SparkSession
from typer import Option, confirm

from batch.rebuild.archive_reach import check_reach, told_upto
from batch.rebuild.counts import rebuilt
from batch.training.deploy import restored_deployment
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, hbase_store
from jobs.wiring.leases import job_lease
from jobs.wiring.streaming import (
    kafka_cluster,
    loss_book,
    restore_erasures,
    state_task,
    store_session,
    write_task,
)
from jobs.wiring.table_turns import REBUILDS, turn
from stores.delta.archived_control import archived_starts, record_of
from stores.delta.epoch_table import keep_epochs
from stores.delta.files import HadoopFiles
from stores.delta.tables import DeltaPlace
from stores.hbase.region_markers import open_epoch
from stores.kafka.cluster import KafkaCluster
from stores.records.epochs import EpochRecord, read_epoch
from stores.records.leases import SCORING
from streaming.advance.next_epoch import changes, epoch_of_rebuild, scored_upto, with_all_partitions
from streaming.position.checkpoints import Checkpoints
from streaming.position.epochs import epoch_in_store
from streaming.position.remedies import remedy

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Fold and count, write nothing.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
    accept_lost_history: Annotated[
        bool,
        Option(
            "--accept-lost-history",
            help="Go on without events that the archive lacks, and record which those are.",
        ),
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        conf, topic = run.settings, run.scenario.topic
        session, kafka = store_session(conf), kafka_cluster(conf)
        place = delta_place(conf, scenario)
        with (
            job_lease(run, scenario, SCORING, job="rebuild_state"),
            turn(conf, scenario, [REBUILDS], job="rebuild_state", log=run.log),
            spark_session(conf, app_name=f"rebuild {scenario}", with_delta=True) as spark,
        ):
            restore_erasures(conf, scenario, HadoopFiles(spark))
            root = conf.stream.checkpoint_root
            stored_epoch = read_epoch(session, scenario)
            old = stored_epoch or archived_epoch(spark, kafka, place, topic=topic("events"))
            if old is None:
                return run.log("neither control table nor archive has an epoch: start score_stream")
            checkpoints = Checkpoints(HadoopFiles(spark), root, scenario, old.epoch)
            book = loss_book(conf, scenario, spark=spark, command="--accept-lost-history")
            losses = book.all()
            done = scored_upto(checkpoints, old)
            first = told_upto(spark, place, old, begin=done, losses=losses)
            in_store = epoch_in_store(session, scenario, old.first_offsets)
            new = epoch_of_rebuild(
                kafka,
                old,
                first,
                partitioner=run.scenario.partitioner,
                after_epoch=max(in_store, checkpoints.newest_epoch()),
            )
            predictions = kafka.survey([topic("predictions")])[topic("predictions")]
            lost = check_reach(
                spark,
                place,
                new,
                ends=predictions.ends,
                predictions_id=predictions.identity.topic_id,
                losses=losses,
                accepts_lost_history=accept_lost_history,
            )
            if lost:
                run.log(f"{lost.text}: the states will miss them")
                new = replace(new, reason=f"{new.reason}, without lost events")
            folded_states = rebuilt(spark, place, state_task(conf, run.scenario), record=new)
            run.log(f"{folded_states.count:,} states, {folded_states.rows:,} of them with a row")
            if dry_run or not (yes or confirm(f"Write them and begin epoch {new.epoch}?")):
                return
            book.accept(
                lost.ranges if lost else (),
                topic=new.topic,
                topic_id=new.topic_id,
                missing_in="states",
                epoch=new.epoch,
            )
            written = folded_states.write(write_task(conf, scenario, new))
            keep_epochs(spark, place, open_epoch(session, scenario, new).starts)
            run.log(restored_deployment(hbase_store(conf), spark, place))
        changed = changes(
            new,
            partitions=len(kafka.identity(new.topic).partitions),
            partitioner=run.scenario.partitioner,
        )
        way_on = f"{changed}, run {remedy(scenario, 'advance_epoch')}" if changed else ""
        run.log(
            f"{written:,} states written, epoch {new.epoch} begun: {way_on or 'go on streaming'}"
        )


def archived_epoch(
    spark: SparkSession, kafka: KafkaCluster, place: DeltaPlace, *, topic: str
) -> EpochRecord | None:
    """The newest epoch that the archive has, for a control table that was lost."""
    archived = record_of(archived_starts(spark, place), topic=topic)
    return with_all_partitions(kafka, archived) if archived else None


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh rebuild_state --scenario churn --dry-run"
)
