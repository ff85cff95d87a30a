"""Go on after the events topic was recreated or its partition count changed."""

from typing import Annotated

from typer import Option, confirm

from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import kafka_cluster, store_session
from jobs.run import job_run
from jobs.session import spark_session
from stores.epochs import read_epoch, write_epoch
from streaming.advance import OrderUnknown, next_epoch
from streaming.checkpoints import Checkpoints
from streaming.files import HadoopFiles

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    accept_disorder: Annotated[
        bool, Option("--accept-disorder", help="Go on although waiting events lost their order.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would change.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
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
        with spark_session(run.settings, app_name=f"advance epoch of {scenario}") as spark:
            checkpoints = Checkpoints(HadoopFiles(spark), root, scenario, old.epoch)
            found = next_epoch(kafka_cluster(run.settings), checkpoints, old)
        if found is None:
            run.console.print(f"epoch {old.epoch} fits {old.topic} as it is; nothing to do")
            return
        new = found.record
        told = f"epoch {new.epoch}: {new.reason}; begins at {dict(new.first_offsets)}, states kept"
        run.console.print(told, markup=False, highlight=False)
        if found.waiting and not accept_disorder:
            raise OrderUnknown(
                f"events wait unscored in old partitions {found.waiting}; others of their entities "
                "may be in new ones, the order is lost. Fold them anyway: --accept-disorder"
            )
        if not dry_run and (yes or confirm("Begin this epoch?")):
            write_epoch(session, scenario, new)
            run.console.print(f"epoch {new.epoch} has begun: start score_stream")


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh advance_epoch --scenario churn --dry-run"
)
