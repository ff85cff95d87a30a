"""Train a model on a training snapshot, register it in MLflow and deploy it."""

from datetime import UTC, datetime
from typing import Annotated

from typer import Option

from batch.training.deploy import deploy, require_control_table
from batch.training.register import train_and_store
from batch.training.report import show_counts, show_training
from batch.training.trainable import NoBetterThanChance, TrainingMinimum, chance_of
from batch.training_sets.snapshots import check_definitions, load_training_set, read_record
from jobs.launcher.code_version import git_commit
from jobs.launcher.run import Service, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, hbase_store, origin_of, tracking_place

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    snapshot: Annotated[int | None, Option(help="Its number; default: the newest.")] = None,
    deploys: Annotated[bool, Option("--deploy/--no-deploy", help="Make it the champion.")] = True,
    deploys_chance: Annotated[
        bool, Option("--deploy-at-chance", help="Also if it ranks no better than chance.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Print counts, train nothing.")] = False,
) -> None:
    needs: tuple[Service, ...] = ("hbase",) if deploys and not dry_run else ()
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
    ) as run:
        conf, console, declared, now = run.settings, run.console, run.scenario, datetime.now(UTC)
        hbase, place = hbase_store(conf), tracking_place(conf)
        if needs:
            require_control_table(hbase, declared)
        with spark_session(conf, app_name=f"train {scenario}", with_delta=True) as spark:
            record = read_record(spark, delta_place(conf, scenario), snapshot)
            console.print(f"training snapshot {record.number}, as of {record.as_of}")
            check_definitions(record, declared)
            training_set = load_training_set(spark, record)
        show_counts(training_set.counts, console)
        if dry_run:
            return
        origin = origin_of(conf, record, git_commit=git_commit(), now=now)
        minimum = TrainingMinimum(
            rows=conf.training.minimum_rows, rows_per_class=conf.training.minimum_rows_per_class
        )
        trained, stored = train_and_store(
            training_set,
            declared,
            origin=origin,
            place=place,
            progress=console.print,
            minimum=minimum,
        )
        auroc, folds = trained.evaluation.auroc, trained.metrics()["cv_auroc_mean"]
        chance = chance_of(auroc=auroc, counts=training_set.counts, cv_auroc=folds)
        is_deployed = deploys and (chance is None or deploys_chance)
        if is_deployed:
            deploy(hbase, declared, stored, deployed_at=origin.created_at)
        show_training(trained, stored, console, place=place, is_deployed=is_deployed)
        if chance is not None and deploys and not is_deployed:
            raise NoBetterThanChance(
                f"version {stored.model.version} ranks no better than chance and was not deployed: "
                f"{chance}. Train on more rows, or deploy it all the same: ./spark-submit.sh "
                f"train_model --scenario {scenario} --deploy-at-chance"
            )
        if chance is not None:
            console.print(f"warning: it ranks no better than chance: {chance}")


app = job_app(main, doc=__doc__, example="./spark-submit.sh train_model --scenario churn")
