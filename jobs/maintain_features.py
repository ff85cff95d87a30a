"""Maintain features of a scenario's second entities, such as terminals, from events and labels."""

import threading
from contextlib import ExitStack
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
from jobs.options.streams import AcceptLossOption
from jobs.spark.java_compilers import for_streams
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.leases import job_lease
from jobs.wiring.query_starters import watcher_for
from jobs.wiring.second_entities import feature_starters
from jobs.wiring.streaming import kafka_cluster, patience, store_session
from jobs.wiring.topics_and_tables import check_topics, make_places, stream_topics
from scenarios.contract.keyed import keyed_entities
from stores.records.leases import FEATURES
from streaming.query.several import StartTogether
from streaming.query.supervisor import Supervisor
from streaming.second_entity.rederive import begin_again, drop_derived
from streaming.second_entity.rekey_query import rekey_checkpoints

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    entity: Annotated[str | None, Option(help="One of them.  [default: all]")] = None,
    from_scratch: Annotated[
        bool,
        Option("--from-scratch", help="Drop the states and derive them from the first event kept."),
    ] = False,
    accept_loss: AcceptLossOption = False,
    take_over: TakeOverOption = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        entities = keyed_entities(run.scenario, named=entity)
        if not entities:
            run.console.print(f"{scenario} declares no second entity: nothing to maintain")
            return
        conf, kafka = run.settings, kafka_cluster(run.settings)
        with ExitStack() as stack:
            held = {
                keyed.name: stack.enter_context(
                    job_lease(
                        run, keyed.name, FEATURES, job="maintain_features", take_over=take_over
                    )
                )
                for keyed in entities
            }
            spark = stack.enter_context(
                spark_session(for_streams(conf), app_name=f"features {scenario}", at_once=True)
            )
            if from_scratch:
                for keyed in entities:
                    drop_derived(kafka, hbase_store(conf), keyed)
                make_places(run)
                for keyed in entities:
                    places = rekey_checkpoints(
                        spark, conf.stream.checkpoint_root, keyed, log=run.log
                    )
                    epoch = begin_again(kafka, store_session(conf), keyed, places)
                    run.log(f"{keyed.name} is derived from scratch, in epoch {epoch}")
            for keyed in entities:
                check_topics(run, [*keyed.source_topics, *stream_topics(keyed)])
            starters = [
                starter
                for keyed in entities
                for starter in feature_starters(
                    run,
                    keyed,
                    spark=spark,
                    check_lease=held[keyed.name].check,
                    accepts_loss=accept_loss,
                )
            ]
            together = StartTogether(starters)
            topics = {
                t for keyed in entities for t in (*keyed.source_topics, keyed.topic("events"))
            }
            watcher = watcher_for(run, sorted(topics))
            Supervisor(together, threading.Event(), patience(conf), run.log, watcher).run()


app = job_app(main, doc=__doc__, example="./spark-submit.sh maintain_features --scenario fraud")
