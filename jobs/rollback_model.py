"""Make the previous champion decide again."""

from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.from_settings import tracking_place
from jobs.wiring.streaming import store_session
from lifecycle.promotion import change_now
from lifecycle.rollback import rollback
from local.cache import cache_dir

SPARK = False


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    reason: Annotated[str, Option(help="Why; stands in the history.")] = "rolled back",
    dry_run: Annotated[
        bool, Option("--dry-run", help="Check that it could be done, change nothing.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        written = rollback(
            store_session(run.settings),
            run.scenario,
            change_now(reason=reason),
            registry=tracking_place(run.settings),
            cache_dir=cache_dir() / "models",
            log=run.log,
            dry_run=dry_run,
        )
        champion = f"{written.champion.name} version {written.champion.version}"
        if dry_run:
            run.log(f"would roll back to {champion}; nothing was written")
            return
        run.log(
            f"deployment {written.number} of {scenario}: {champion} is the champion again; workers "
            "switch within about two seconds"
        )


app = job_app(
    main,
    doc=__doc__,
    example='./spark-submit.sh rollback_model --scenario churn --reason "complaints doubled"',
)
