"""Measure how far second entities' features, as scored with, are from their offline values."""

from datetime import UTC, datetime
from typing import Annotated

from typer import Option

from batch.proofs.skew import SkewOptions, skew_rows
from batch.proofs.skew_report import SkewReport, entity_skew, show_skew, write_skew
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.audits import day_of
from jobs.wiring.from_settings import delta_place, event_limits
from scenarios.contract.keyed import keyed_entities

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    entity: Annotated[str | None, Option(help="One of them.  [default: all]")] = None,
    day: Annotated[str | None, Option(help="Day of scoring, UTC.  [default: all days]")] = None,
    since: Annotated[str | None, Option(help="Only what was scored from this ISO time on.")] = None,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, folds_events=True
    ) as run:
        conf, place = run.settings, delta_place(run.settings, scenario)
        entities = keyed_entities(run.scenario, named=entity)
        scoring_day = None if day is None else day_of(day)
        options = SkewOptions(limits=event_limits(conf), day=scoring_day, since=moment_of(since))
        measured = []
        with spark_session(conf, app_name=f"skew {scenario}", with_delta=True) as spark:
            for keyed in entities:
                run.log(f"recomputing the features of {keyed.name} from {place.path()}")
                with run.console.status("decoding, looking up, comparing"):
                    rows = skew_rows(spark, place, keyed, options=options)
                    names = keyed.plan.feature_names
                    measured.append(entity_skew(rows, entity=keyed.name, feature_names=names))
        report = SkewReport(
            scenario=scenario,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            day=None if scoring_day is None else scoring_day.isoformat(),
            entities=measured,
        )
        show_skew(report, run.console)
        print(write_skew(report, conf.reports.folder / scenario))


app = job_app(main, doc=__doc__, example="./spark-submit.sh report_skew --scenario fraud")
