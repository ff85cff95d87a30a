"""Archive all that passes through a scenario's topics in Delta, each record exactly once."""

from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import (
    EnvOption,
    ScenarioOption,
    SetOption,
    TakeOverOption,
    VerboseOption,
    job_app,
)
from jobs.spark.session import spark_session
from jobs.wiring.leases import job_lease
from jobs.wiring.query_starters import watcher_for
from jobs.wiring.streaming import archiver_of, restore_erasures
from jobs.wiring.topics_and_tables import check_topics
from stores.delta.files import HadoopFiles
from stores.records.leases import ARCHIVE
from streaming.archive.loop import archive_for_ever
from streaming.archive.source import KINDS

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    once: Annotated[bool, Option("--once", help="Archive what is there now, then end.")] = False,
    gaps: Annotated[bool, Option("--accept-gaps", help="Go on without lost records.")] = False,
    take_over: TakeOverOption = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        delta = run.settings.delta
        check_topics(run, [run.scenario.topic(kind) for kind in KINDS])
        with (
            job_lease(run, scenario, ARCHIVE, job="archive_stream", take_over=take_over) as held,
            spark_session(
                run.settings, app_name=f"archive {scenario}", with_delta=True, at_once=not once
            ) as spark,
        ):
            restore_erasures(run.settings, scenario, HadoopFiles(spark))
            archiver = archiver_of(
                run.settings,
                run.scenario,
                spark=spark,
                accepts_gaps=gaps,
                check_lease=held.check,
                log=run.log,
            )
            archiver.prepare()
            if once:
                total = archiver.catch_up()
                run.console.print(f"archived {total:,} new records below {delta.root}")
                return
            seconds = delta.archive_interval_seconds
            run.log(f"archiving {scenario} into {delta.root}, every {seconds:g} s")
            watcher = watcher_for(run, [run.scenario.topic(kind) for kind in KINDS])
            with watcher.watching(archiver.reached):
                archive_for_ever(
                    archiver,
                    interval_seconds=seconds,
                    faults_in_a_row=run.settings.stream.max_restarts_in_a_row,
                    log=run.log,
                )


app = job_app(main, doc=__doc__, example="./spark-submit.sh archive_stream --scenario churn --once")
