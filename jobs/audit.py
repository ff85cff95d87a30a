"""Show how one prediction came about and prove it to the bit: data, features, model, code."""

from datetime import UTC, datetime
from typing import Annotated

from typer import Exit, Option

from batch.proofs.audits.report import audit_json, audit_text, write_reports
from jobs.launcher.run import job_run
from jobs.options.audit_choice import EXIT_CODES, AuditChoice, total
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.audits import auditor
from reports.terminal import visible_json

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    prediction: Annotated[str, Option(help="Id of the prediction.")] = "",
    entity: Annotated[str, Option(help="Or: the entity whose row it was.")] = "",
    at: Annotated[str | None, Option(help="When the row showed it, ISO.  [default: now]")] = None,
    random: Annotated[int, Option(min=0, help="Or: so many predictions, chosen at random.")] = 0,
    seed: Annotated[int, Option(min=0, help="Another seed, another choice.")] = 1,
    as_json: Annotated[bool, Option("--json", help="The facts as JSON, on stdout.")] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, folds_events=True
    ) as run:
        moment = moment_of(at) or datetime.now(UTC)
        choice = AuditChoice(
            prediction=prediction, entity=entity, at=moment, random=random, seed=seed
        )
        folder, outcomes = run.settings.reports.folder / scenario / "audits", []
        with spark_session(run.settings, app_name=f"audit {scenario}", with_delta=True) as spark:
            run.log("looking into the archive")
            work = auditor(spark, run.settings, run.scenario)
            for archived_prediction in choice.predictions(work.archive):
                facts = work.audit(archived_prediction)
                outcomes.append(facts.outcome)
                html = write_reports(facts, folder)
                if as_json:
                    print(visible_json(audit_json(facts).decode()))
                if random:
                    run.log(f"{facts.prediction_id}: {facts.verdict}")
                else:
                    run.console.print(
                        audit_text(facts), markup=False, highlight=False, soft_wrap=True
                    )
        run.log(total(outcomes))
        run.log(f"text, JSON and page: {folder if random else html}")
        raise Exit(max(EXIT_CODES[outcome] for outcome in outcomes))


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh audit --scenario churn --entity 7590-VHVEG"
)
