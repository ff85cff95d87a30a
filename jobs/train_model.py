"""Train a model on a training snapshot, register it in MLflow, run its gates and deploy the first.

A later version is deployed with --promote, as --to says, or afterwards by promote_model.
"""

import getpass
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from typer import Option

from batch.compare.comparison import Rows, Side
from batch.training.deploy import require_control_table
from batch.training.register import train_and_store
from batch.training.report import show_counts, show_training
from batch.training.trainable import TrainingMinimum
from batch.training_sets.snapshots import check_definitions, load_training_set, read_record
from jobs.launcher.code_version import git_commit
from jobs.launcher.run import Service, job_run
from jobs.options.promoting import ExperimentOption, ShareOption, To, ToOption, check_role
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, hbase_store, origin_of, tracking_place
from jobs.wiring.model_life import (
    Intent,
    Promotion,
    deployment_after,
    gates_run,
    publish_report,
)
from jobs.wiring.streaming import store_session
from lifecycle.changes import what_changed
from lifecycle.gate_report import show_gates
from lifecycle.promotion import change_now, check_gates, pointer_of, write_change
from lifecycle.reading import ChampionRead, read_champion
from local.cache import cache_dir
from models.registry.versions import card_of, read_version
from stores.records.deployments import deployment_cell, deployment_of

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    snapshot: Annotated[int | None, Option(help="Its number; default: the newest.")] = None,
    deploys: Annotated[
        bool, Option("--deploy/--no-deploy", help="Make the very first version the champion.")
    ] = True,
    promotes: Annotated[
        bool, Option("--promote", help="Deploy it although there is a champion.")
    ] = False,
    to: ToOption = To.champion,
    share: ShareOption = 0.1,
    experiment: ExperimentOption = "",
    owner: Annotated[str, Option(help="Who answers for it; default: you.")] = "",
    purpose: Annotated[str, Option(help="What it is for; default: the scenario's title.")] = "",
    limits: Annotated[
        str, Option(help="What it must not be used for; default: what the scenario says.")
    ] = "",
    dry_run: Annotated[bool, Option("--dry-run", help="Print counts, train nothing.")] = False,
) -> None:
    check_role(to, promotes=promotes)
    needs: tuple[Service, ...] = ("hbase",) if deploys and not dry_run else ()
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
    ) as run:
        conf, console, declared, now = run.settings, run.console, run.scenario, datetime.now(UTC)
        registry, cache, show = tracking_place(conf), cache_dir() / "models", run.console.print
        session = cell = None
        if needs:
            require_control_table(hbase_store(conf), declared)
            session = store_session(conf)
            cell = deployment_cell(session, scenario)
        current = deployment_of(cell)
        champion = ChampionRead()
        with spark_session(conf, app_name=f"train {scenario}", with_delta=True) as spark:
            record = read_record(spark, delta_place(conf, scenario), snapshot)
            show(f"training snapshot {record.number}, as of {record.as_of}")
            check_definitions(record, declared)
            training_set = load_training_set(spark, record)
            if not dry_run:
                champion = read_champion(
                    spark, current, registry=registry, cache_dir=cache, progress=show
                )
        show_counts(training_set.counts, console)
        if dry_run:
            return
        origin = replace(
            origin_of(conf, record, git_commit=git_commit(), now=now),
            owner=owner or getpass.getuser(),
            purpose=purpose or declared.title,
            limits=limits or declared.limits_of_use,
        )
        minimum = TrainingMinimum(
            rows=conf.training.minimum_rows, rows_per_class=conf.training.minimum_rows_per_class
        )
        trained, stored = train_and_store(
            training_set,
            declared,
            origin=origin,
            place=registry,
            progress=show,
            minimum=minimum,
        )
        show_training(trained, stored, console, place=registry)
        registered = read_version(registry, scenario, stored.model.version)
        candidate = Side(
            registered=registered,
            card=card_of(registered, cache_dir=cache),
            rows=Rows(record=record, version=record.version, training_set=training_set),
        )
        is_deployed = session is not None and (current is None or promotes)
        intent = Intent(to=to.value if is_deployed else "")
        gates = gates_run(run, candidate, champion, intent=intent)
        show_gates(gates.report, console)
        evidence = publish_report(run, gates)
        if session is None or not is_deployed:
            run.log(
                f"version {registered.version} is registered and not deployed; to deploy it: "
                f"./spark-submit.sh promote_model --scenario {scenario} "
                f"--version {registered.version}"
            )
            return
        check_gates(gates.report)
        reason = "the first version" if current is None else "train_model --promote"
        promotion = Promotion(to=to.value, share=share, experiment=experiment, reason=reason)
        change = change_now(reason=reason, evidence=evidence, run_id=registered.run_id)
        after = deployment_after(current, pointer_of(registered), promotion, declared, change)
        written = write_change(session, cell, after, registry=registry, log=run.log)
        run.log(
            f"{registered.name} version {registered.version}: deployed as {to.value} "
            f"({what_changed(current, written)})"
        )


app = job_app(main, doc=__doc__, example="./spark-submit.sh train_model --scenario churn")
