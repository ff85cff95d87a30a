"""Make states and rows anew from the archive: for a lost table, or after features changed."""

from typing import Annotated

from msgspec.structs import replace
from typer import Option, confirm

from batch.archive_reach import archived_epoch, check_reach, told_upto
from batch.rebuilding import rebuilt
from jobs.from_settings import delta_place
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import (
    kafka_cluster,
    loss_book,
    restore_erasures,
    state_task,
    store_session,
    write_task,
)
from jobs.run import job_run
from jobs.session import spark_session
from jobs.table_turns import REBUILDS, turn
from stores.epochs import read_epoch, write_epoch
from stores.hadoop_files import HadoopFiles
from streaming.advance import epoch_of_rebuild, scored_upto
from streaming.checkpoints import Checkpoints

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
            turn(conf, scenario, [REBUILDS], job="rebuild_state", log=run.log),
            spark_session(conf, app_name=f"rebuild {scenario}", with_delta=True) as spark,
        ):
            restore_erasures(conf, scenario, HadoopFiles(spark))
            kept = read_epoch(session, scenario)
            old = kept or archived_epoch(spark, place, topic=topic("events"))
            if old is None:
                return run.log("no epoch has begun, so there are no states: start score_stream")
            root = conf.stream.checkpoint_root
            done = scored_upto(Checkpoints(HadoopFiles(spark), root, scenario, old.epoch), old)
            book = loss_book(conf, scenario, spark=spark, command="--accept-lost-history")
            losses = book.all()
            first = told_upto(spark, place, old, begin=done, losses=losses)
            declared = run.scenario.partitioner
            new = epoch_of_rebuild(kafka, old, first, scenario=scenario, partitioner=declared)
            told = kafka.survey([topic("predictions")])[topic("predictions")]
            lost = check_reach(
                spark,
                place,
                new,
                ends=told.ends,
                predictions_id=told.identity.topic_id,
                losses=losses,
                accepts_lost_history=accept_lost_history,
            )
            if lost:
                run.log(f"{lost.text}: the states will miss them")
                new = replace(new, reason=f"{new.reason}, without lost events")
            made = rebuilt(spark, place, state_task(conf, run.scenario), record=new)
            run.log(f"{made.count:,} states, {made.rows:,} of them with a row")
            if dry_run or not (yes or confirm(f"Write them and begin epoch {new.epoch}?")):
                return
            book.accept(
                lost.ranges if lost else (),
                topic=new.topic,
                topic_id=new.topic_id,
                missing_in="states",
                epoch=new.epoch,
            )
            written = made.write(write_task(conf, scenario, new))
            write_epoch(session, scenario, new)
        run.log(f"{written:,} states written, epoch {new.epoch} begun: go on streaming")


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh rebuild_state --scenario churn --dry-run"
)
