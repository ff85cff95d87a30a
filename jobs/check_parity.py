"""Prove from the archive that predictions come out again to the last bit; name what does not."""

from typing import Annotated

import msgspec
from typer import Exit, Option

from batch.proofs.parity.check import ParityOptions, append_report, check_parity
from batch.proofs.parity.report import show_parity
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.audits import day_of, models_of_archive
from jobs.wiring.from_settings import delta_place, event_limits
from reports.terminal import visible_json

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    share: Annotated[float, Option(min=0.0001, max=1, help="Share of the entities.")] = 0.05,
    day: Annotated[str | None, Option(help="Day of arrival, UTC.  [default: today]")] = None,
    all_days: Annotated[bool, Option("--all", help="All days of the archive.")] = False,
    settle: Annotated[float, Option(min=0, help="Newest seconds that may be on their way.")] = 60,
    show: Annotated[int, Option(min=1, help="How many places to name.")] = 20,
    as_json: Annotated[bool, Option("--json", help="The outcome as JSON, on stdout.")] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, folds_events=True
    ) as run:
        conf, declared, place = run.settings, run.scenario, delta_place(run.settings, scenario)
        options = ParityOptions(
            limits=event_limits(conf),
            share=share,
            day=None if all_days else day_of(day),
            settle_seconds=settle,
            most_faults=show,
        )
        with spark_session(conf, app_name=f"parity {scenario}", with_delta=True) as spark:
            run.log(f"looking up the models that made the predictions in {place.path()}")
            models = models_of_archive(spark, conf, declared)
            run.log(f"folding and scoring {share:.0%} of the entities again")
            with run.console.status("folding, scoring, comparing"):
                report = check_parity(spark, place, declared, models, options=options)
            append_report(spark, place, report)
        show_parity(report, run.console)
        if as_json:
            print(visible_json(msgspec.json.encode(report).decode()))
        if not report.is_proof:
            raise Exit(5)


app = job_app(main, doc=__doc__, example="./spark-submit.sh check_parity --scenario churn --all")
