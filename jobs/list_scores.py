"""List customers of a band, highest risk first, as a retention list (CSV on stdout)."""

import csv
import sys
from typing import Annotated

from typer import Option

from jobs.from_settings import hbase_store
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.run import job_run
from stores.predictions import reader

SPARK = False
_COLUMNS = ("entity", "score", "band", "action", "reasons", "features_as_of", "model_version")


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    band: Annotated[str | None, Option(help="Only this band.")] = None,
    limit: Annotated[int, Option(min=1, help="At most so many.")] = 100,
    control_group: Annotated[
        bool, Option("--control-group/--no-control-group", help="With the control group.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        run.scenario.policy.check_band(band)
        store, status = hbase_store(run.settings), "reading latest predictions"
        with run.console.status(status), reader(store, scenario) as predictions:
            found = list(predictions.scan(band=band))
        chosen = [each for each in found if control_group or not each.control_group]
        chosen.sort(key=lambda each: (-each.score, each.entity))
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        for each in chosen[:limit]:
            reasons = "; ".join(f"{reason.text} ({reason.direction})" for reason in each.reasons)
            told = (each.entity, each.score, each.band, each.action, reasons)
            writer.writerow((*told, each.features_as_of.isoformat(), each.model.version))
        run.console.print(f"{min(limit, len(chosen)):,} of {len(chosen):,} listed")


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh list_scores --scenario churn --band high"
)
