"""Make every state anew from the events topic, after features changed or history was lost."""

from typing import Annotated

from typer import Option, confirm

from batch.kafka_source import read_topic
from batch.rebuild import check_history_is_whole, rebuilt_states, write_states
from jobs.kafka_options import spark_options
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import kafka_cluster, state_task, store_session, write_task
from jobs.run import job_run
from jobs.session import spark_session
from stores.epochs import read_epoch, write_epoch
from stores.hadoop_files import HadoopFiles
from streaming.advance import epoch_of_rebuild
from streaming.checkpoints import Checkpoints

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Fold and count, write nothing.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        session, kafka = store_session(run.settings), kafka_cluster(run.settings)
        old = read_epoch(session, scenario)
        if old is None:
            run.console.print("no epoch has begun, so there are no states: start score_stream")
            return
        check_history_is_whole(
            old, {p: first for p, (first, _) in kafka.offsets(old.topic).items()}
        )
        with spark_session(run.settings, app_name=f"rebuild states of {scenario}") as spark:
            root = run.settings.stream.checkpoint_root
            checkpoints = Checkpoints(HadoopFiles(spark), root, scenario, old.epoch)
            new = epoch_of_rebuild(kafka, checkpoints, old)
            events = read_topic(spark, spark_options(run.settings.kafka), old.topic)
            states = rebuilt_states(
                events, state_task(run.settings, run.scenario, new), next_offsets=new.first_offsets
            ).cache()
            run.console.print(f"{states.count():,} states of {run.scenario.plan.digest}")
            if dry_run or not (yes or confirm(f"Write them and begin epoch {new.epoch}?")):
                return
            written = write_states(states, write_task(run.settings, scenario, new))
            write_epoch(session, scenario, new)
        run.console.print(f"{written:,} states written, epoch {new.epoch} begun: go on streaming")


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh rebuild_state --scenario churn --dry-run"
)
