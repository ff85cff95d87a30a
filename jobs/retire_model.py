"""Retire a model version: it makes no new scores, audits of its predictions still work."""

from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.from_settings import tracking_place
from jobs.wiring.streaming import store_session
from lifecycle.promotion import change_now
from lifecycle.retirement import retire
from models.registry.versions import read_version

SPARK = False


def main(
    scenario: ScenarioOption,
    version: Annotated[str, Option("--version", help="Number of the registered version.")],
    reason: Annotated[str, Option(help="Why; stands in the history and in MLflow.")],
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Check that it could be done, change nothing.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        registry = tracking_place(run.settings)
        registered = read_version(registry, scenario, version)
        retire(
            store_session(run.settings),
            scenario,
            registered,
            change_now(reason=reason),
            registry=registry,
            log=run.log,
            dry_run=dry_run,
        )
        done = "could be retired; nothing was written" if dry_run else "is retired"
        run.log(f"{registered.name} version {version} {done}")


app = job_app(
    main,
    doc=__doc__,
    example='./spark-submit.sh retire_model --scenario churn --version 1 --reason "superseded"',
)
