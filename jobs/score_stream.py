"""Score events as they arrive: Kafka in, latest predictions in HBase, messages out."""

import threading
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
from jobs.options.streams import AcceptLossOption, offsets_of
from jobs.spark.session import spark_session
from jobs.spark.streams import for_scoring, session_options
from jobs.wiring.from_settings import delta_place
from jobs.wiring.leases import job_lease
from jobs.wiring.query_starters import query_starter, watcher_for
from jobs.wiring.streaming import kafka_cluster, patience, real_time_settings
from jobs.wiring.topics_and_tables import check_topics, stream_topics
from stores.records.leases import SCORING as SCORING_LEASE
from streaming.query.supervisor import Supervisor
from streaming.scoring.worker import SCORING

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    replay_from: Annotated[
        str | None, Option(help="Replay from these offsets: partition:offset[,partition:offset].")
    ] = None,
    accept_loss: AcceptLossOption = False,
    take_over: TakeOverOption = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        replay = offsets_of(replay_from)
        check_topics(run, stream_topics(run.scenario))
        events = kafka_cluster(run.settings).identity(run.scenario.topic("events"))
        partitions = len(events.partitions)
        run.clock.note("topics")
        with (
            job_lease(
                run, scenario, SCORING_LEASE, job="score_stream", take_over=take_over
            ) as held,
            spark_session(
                for_scoring(run.settings, partitions=partitions),
                app_name=f"score {scenario}",
                **session_options(run.settings),
            ) as spark,
        ):
            run.clock.note("Spark")
            starter = query_starter(
                run,
                run.scenario,
                SCORING,
                spark=spark,
                starting=run.settings.stream.starting,
                replay_from=replay,
                accepts_loss=accept_loss,
                check_lease=held.check,
                place=delta_place(run.settings, scenario),
                real_time=real_time_settings(run.settings, spark),
            )
            watcher = watcher_for(run, [run.scenario.topic("events")])
            stop = threading.Event()
            Supervisor(starter, stop, patience(run.settings), run.log, watcher).run()


app = job_app(main, doc=__doc__, example="./spark-submit.sh score_stream --scenario churn")
