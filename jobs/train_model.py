"""Train a model from published events and labels, register it in MLflow and deploy it."""

from datetime import UTC, datetime
from typing import Annotated

from typer import Option

from batch.deploying import deploy, require_control_table
from batch.kafka_source import read_topic
from batch.kafka_topics import require_topics
from batch.storing import train_and_store
from batch.training_report import show_counts, show_training
from batch.training_set import read_training_set
from jobs.from_settings import hbase_store, tracking_place, training_options
from jobs.kafka_options import client_options, spark_options
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.run import job_run
from jobs.session import spark_session

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    deploys: Annotated[bool, Option("--deploy/--no-deploy", help="Make it the champion.")] = True,
    dry_run: Annotated[bool, Option("--dry-run", help="Print counts, train nothing.")] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        conf, console, declared, now = run.settings, run.console, run.scenario, datetime.now(UTC)
        hbase, place = hbase_store(conf), tracking_place(conf)
        require_control_table(hbase, declared)
        topics = [declared.topic(kind) for kind in ("events", "labels")]
        require_topics(client_options(conf.kafka), topics)
        console.print(f"reading {' and '.join(topics)}")
        with spark_session(conf, app_name=f"train {scenario}") as spark:
            events, labels = (read_topic(spark, spark_options(conf.kafka), name) for name in topics)
            options = training_options(conf, now)
            found = read_training_set(events, labels, declared, options=options)
        show_counts(found.counts, console)
        if dry_run:
            return
        created_at, seed = now.isoformat(timespec="seconds"), conf.training.seed
        trained, stored = train_and_store(
            found, declared, place=place, seed=seed, created_at=created_at, progress=console.print
        )
        if deploys:
            deploy(hbase, declared, stored, deployed_at=created_at)
        show_training(trained, stored, console, place=place, is_deployed=deploys)


app = job_app(main, doc=__doc__, example="./spark-submit.sh train_model --scenario churn")
