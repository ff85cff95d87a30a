"""Go on after the events topic was recreated, its partition count or its partitioner changed."""

from typing import Annotated

from typer import Option, confirm

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.streams import AcceptLossOption
from jobs.spark.session import spark_session
from jobs.wiring.leases import job_lease
from jobs.wiring.query_starters import losses_of
from jobs.wiring.streaming import kafka_cluster, pass_settings, query_settings, store_session
from stores.delta.files import HadoopFiles
from stores.hbase.region_markers import open_epoch
from stores.hbase.states import StateTable
from stores.records.epochs import read_epoch
from stores.records.leases import SCORING
from streaming.advance.finish import finish_epoch
from streaming.advance.next_epoch import next_epoch
from streaming.position.checkpoints import Checkpoints
from streaming.position.remedies import remedy
from streaming.position.resume import with_all_markers

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would change.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
    accept_loss: AcceptLossOption = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        session = store_session(run.settings)
        old = read_epoch(session, scenario)
        if old is None:
            run.console.print("no epoch has begun: start score_stream, it begins the first one")
            return
        root = run.settings.stream.checkpoint_root
        with (
            job_lease(run, scenario, SCORING, job="advance_epoch"),
            spark_session(run.settings, app_name=f"advance epoch of {scenario}") as spark,
        ):
            checkpoints = Checkpoints(HadoopFiles(spark), root, scenario, old.epoch)
            old = with_all_markers(session, old, checkpoints, log=run.log)
            table = StateTable(session, scenario, old.regions or ())
            losses = losses_of(
                run,
                scenario,
                spark=spark,
                accepts=accept_loss and not dry_run,
                command=f"{remedy(scenario, 'advance_epoch')} --accept-loss",
            )
            kafka = kafka_cluster(run.settings)
            advance = next_epoch(
                kafka,
                checkpoints,
                table,
                old,
                partitioner=run.scenario.partitioner,
                losses=losses,
            )
            if advance is None:
                run.console.print(f"epoch {old.epoch} fits {old.topic} as it is; nothing to do")
                return
            new, first = advance.record, dict(advance.record.first_offsets)
            run.log(f"epoch {new.epoch}: {new.reason}; begins at {first}, states are kept")
            if advance.owed:
                run.log(f"epoch {old.epoch} is finished first: {dict(advance.owed)}")
            if dry_run or not (yes or confirm("Begin this epoch?")):
                return
            scoring = pass_settings(run.settings, run.scenario, epoch=old)
            query = query_settings(run.settings, run.scenario)
            finish_epoch(spark, query, scoring=scoring, owed=advance.owed)
            open_epoch(session, scenario, new)
        run.console.print(f"epoch {new.epoch} has begun: start score_stream")


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh advance_epoch --scenario churn --dry-run"
)
