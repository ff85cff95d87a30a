"""Erase customers from the archive and from every training snapshot, files included."""

from typing import Annotated

from rich.table import Table
from typer import Option, confirm

from batch.erasing import erase, rows_of
from jobs.from_settings import delta_place
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.run import job_run
from jobs.session import spark_session

SPARK = True


def main(
    scenario: ScenarioOption,
    entity: Annotated[list[str], Option("--entity", help="The id; may be repeated.")],
    reason: Annotated[str, Option(help="Why; it stays in the tables' history.")],
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Count, erase nothing.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Kafka's topics and the HBase rows are not touched: those have their own retention."""
    with job_run(scenario=scenario, env=env, overrides=overrides, verbose=verbose) as run:
        place, show = delta_place(run.settings, scenario), run.console.print
        with spark_session(run.settings, app_name=f"erase {scenario}", with_delta=True) as spark:
            table = Table("table", "rows", box=None)
            for found in rows_of(spark, place, entity):
                table.add_row(found.table, f"{found.rows:,}")
            show(table)
            show("older versions of these tables can no longer be read afterwards")
            if dry_run or not (yes or confirm(f"Erase {len(entity)} entities for good?")):
                return
            done = erase(spark, place, entity, reason=reason, progress=show)
        run.log(f"{sum(each.rows for each in done):,} rows of {len(entity)} entities erased")


app = job_app(
    main,
    doc=f"{__doc__}\n\n{main.__doc__}",
    example="./spark-submit.sh erase_from_memory --scenario churn --entity 7590-VHVEG "
    '--reason "the customer asked for it" --dry-run',
)
