"""Withdraw the challenger or the shadow of a scenario; the champion goes on alone."""

from enum import StrEnum
from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.from_settings import tracking_place
from jobs.wiring.streaming import store_session
from lifecycle.changes import what_changed, without_role
from lifecycle.promotion import change_now, write_change
from stores.records.deployments import deployment_cell, deployment_of

SPARK = False


class Withdrawn(StrEnum):
    """The roles that can be given up."""

    challenger = "challenger"
    shadow = "shadow"


def main(
    scenario: ScenarioOption,
    role: Annotated[Withdrawn, Option("--role", help="Which one.")],
    reason: Annotated[str, Option(help="Why; stands in the history.")],
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Show what would change, change nothing.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        session = store_session(run.settings)
        cell = deployment_cell(session, scenario)
        current = deployment_of(cell)
        after = without_role(current, change_now(reason=reason), role=role.value)
        if dry_run:
            run.log(f"would change: {what_changed(current, after)}; nothing was written")
            return
        registry = tracking_place(run.settings)
        written = write_change(session, cell, after, registry=registry, log=run.log)
        run.log(f"deployment {written.number} of {scenario}: {what_changed(current, written)}")


app = job_app(
    main,
    doc=__doc__,
    example='./spark-submit.sh withdraw_model --scenario churn --role shadow --reason "compared"',
)
