"""Keep events, predictions, dead letters and labels in Delta tables, each exactly once."""

from typing import Annotated
from uuid import uuid4

from typer import Option

from jobs.from_settings import delta_place
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import archive_settings, kafka_cluster, store_session
from jobs.run import job_run
from jobs.session import spark_session
from streaming.archive_loop import archive_for_ever
from streaming.archive_source import KINDS
from streaming.archive_table import ArchiveTable
from streaming.archiver import Archiver

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    once: Annotated[bool, Option("--once", help="Archive what is there now, then end.")] = False,
    gaps: Annotated[
        bool, Option("--accept-gaps", help="Go on where Kafka dropped records.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        conf, run_id = run.settings, uuid4().hex
        place = delta_place(conf, scenario)
        with spark_session(conf, app_name=f"archive {scenario}", with_delta=True) as spark:
            archiver = Archiver(
                scenario=run.scenario,
                tables={kind: ArchiveTable(spark, place, kind, run_id) for kind in KINDS},
                kafka=kafka_cluster(conf),
                session=store_session(conf),
                settings=archive_settings(conf, accepts_gaps=gaps),
                spark=spark,
                log=run.log,
            )
            archiver.prepare()
            if once:
                total = archiver.catch_up()
                run.console.print(f"archived {total:,} new records in {place.path()}")
                return
            run.log(
                f"archiving {scenario} into {place.path()}, every "
                f"{conf.delta.archive_interval_seconds:g} s"
            )
            archive_for_ever(
                archiver, interval_seconds=conf.delta.archive_interval_seconds, log=run.log
            )


app = job_app(main, doc=__doc__, example="./spark-submit.sh archive_stream --scenario churn --once")
