"""Register a model that somebody else trained, after it was proven to score as its library does.

XGBoost (.ubj, .json), LightGBM (.txt), ONNX, PMML, skops; a pickle or joblib file of scikit-learn
with --trust-pickle; the folder of a PipelineModel of Spark ML, which is converted to ONNX. Nothing
is deployed, unless --promote asks for it and the gates pass.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from batch.exchange.foreign import foreign_model
from batch.exchange.imported import Particulars, register_foreign, stored_and_checked
from batch.exchange.spark_ml import spark_ml_model, zipped
from jobs.launcher.code_version import git_commit
from jobs.launcher.run import Service, job_run
from jobs.options.promoting import ExperimentOption, ShareOption, To, ToOption, check_role
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import tracking_place
from jobs.wiring.model_life import Promotion, promote
from scenarios.contract.probe_set import probe_rows

SPARK = True


def main(
    file: Annotated[Path, Argument(help="The model's file, or Spark ML's folder.")],
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    features: Annotated[
        str | None,
        Option(help="Its columns, with commas, if the file names none; default: all, in order."),
    ] = None,
    trusts_pickle: Annotated[
        bool, Option("--trust-pickle", help="Read a pickle, which runs the code that it holds.")
    ] = False,
    owner: Annotated[str, Option(help="Who answers for the model.")] = "",
    purpose: Annotated[str, Option(help="What it is for.")] = "",
    limits: Annotated[str, Option(help="What it must not be used for.")] = "",
    promotes: Annotated[
        bool, Option("--promote", help="Run its gates, and deploy it when they pass.")
    ] = False,
    to: ToOption = To.champion,
    share: ShareOption = 0.1,
    experiment: ExperimentOption = "",
    reason: Annotated[str, Option(help="With --promote: why; stands in the history.")] = "",
    dry_run: Annotated[bool, Option("--dry-run", help="Check all, register nothing.")] = False,
) -> None:
    check_role(to, promotes=promotes)
    needs: tuple[Service, ...] = ("hbase",) if promotes and not dry_run else ()
    with (
        job_run(
            scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
        ) as run,
        tempfile.TemporaryDirectory(prefix="everscore-import-") as scratch,
    ):
        declared, show = run.scenario, run.console.print
        probe = probe_rows(declared)
        names = None if features is None else [name.strip() for name in features.split(",")]
        origin = None
        if file.is_dir():
            origin = Path(scratch) / "spark_ml.zip"
            origin.write_bytes(zipped(file))
            with spark_session(run.settings, app_name=f"import {scenario}") as spark:
                foreign = spark_ml_model(spark, file, probe, declared.feature_names)
        else:
            foreign = foreign_model(
                file,
                probe,
                declared.feature_names,
                feature_names=names,
                trusts_pickle=trusts_pickle,
            )
        particulars = Particulars(
            file=file.name,
            owner=owner,
            purpose=purpose,
            limits=limits,
            git_commit=git_commit(),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        checked = stored_and_checked(
            Path(scratch) / "model", foreign, declared, probe, particulars=particulars
        )
        stored_as = foreign.stored_as
        lines = [
            f"{file.name}: stored as {stored_as.name}, {len(foreign.feature_names)} features",
            f"parity with its own library: {checked.parity.sentence}",
        ]
        if stored_as.batch_only:
            lines.append(f"the stream will not score it: {stored_as.batch_only}")
        if checked.model.explainer is None:
            why = stored_as.without_reasons or "TreeSHAP does not know its kind"
            lines.append(f"its predictions have no reasons: {why}")
        for line in lines:
            show(line, markup=False, highlight=False, soft_wrap=True)
        if dry_run:
            return
        stored = register_foreign(
            checked,
            foreign,
            declared,
            probe,
            place=tracking_place(run.settings),
            particulars=particulars,
            progress=run.console.print,
            origin=origin,
        )
        model = stored.model
        job = "score_batch" if stored_as.batch_only else "promote_model"
        option = "--model-version" if stored_as.batch_only else "--version"
        for line in (
            f"{model.name} version {model.version}: registered, not deployed; {model.artifact_uri}",
            f"next: ./spark-submit.sh {job} --scenario {scenario} {option} {model.version}",
        )[: 1 if promotes else 2]:
            show(line, markup=False, highlight=False, soft_wrap=True)
        if promotes:
            words = reason or "its gates passed"
            promotion = Promotion(to=to.value, share=share, experiment=experiment, reason=words)
            promote(run, model.version, promotion)


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh import_model --scenario churn --owner risk-team model.onnx",
)
