"""Run the gates on a registered model version and make it champion, challenger or shadow."""

from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.promoting import ExperimentOption, ShareOption, To, ToOption
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.model_life import Promotion, promote
from lifecycle.promotion import check_override

SPARK = True


def main(
    scenario: ScenarioOption,
    version: Annotated[str, Option("--version", help="Number of the registered version.")],
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    to: ToOption = To.champion,
    share: ShareOption = 0.1,
    experiment: ExperimentOption = "",
    reason: Annotated[str, Option(help="Why; stands in the history.")] = "",
    override: Annotated[
        bool, Option("--override", help="Promote although gates fail; needs --by and --reason.")
    ] = False,
    by: Annotated[str, Option("--by", help="Who answers for the override.")] = "",
    dry_run: Annotated[
        bool, Option("--dry-run", help="Run the gates and print them, change nothing.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        check_override(overrides=override, by=by, reason=reason)
        promotion = Promotion(
            to=to.value,
            share=share,
            experiment=experiment,
            reason=reason or "its gates passed",
            by=by,
            overrides=override,
            dry_run=dry_run,
        )
        promote(run, version, promotion)


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh promote_model --scenario churn --version 2 --to shadow --share 0.2",
)
