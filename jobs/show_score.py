"""Show a customer's latest prediction, as call-centre software reads it."""

from datetime import UTC, datetime
from typing import Annotated

from typer import Argument, Exit, Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, SetOption, VerboseOption, job_app
from jobs.status.freshness import lag_of, row_json
from jobs.wiring.from_settings import hbase_store
from monitoring.live.prediction_view import prediction_panel
from stores.hbase.predictions import reader

SPARK = False


def main(
    entity: Annotated[str, Argument(help="The id, as in the events.")],
    scenario: Annotated[str, Option("--scenario", help="Scenario, as named in conf/.")] = "churn",
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    as_json: Annotated[
        bool, Option("--json", help="The stored JSON with its age, on stdout.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        with reader(hbase_store(run.settings), scenario) as predictions:
            prediction = predictions.latest(entity)
        if prediction is None:
            run.console.print(f"there is no prediction for {entity!r}", soft_wrap=True)
            raise Exit(6)
        lag, now = lag_of(run), datetime.now(UTC)
        staleness = lag.staleness(prediction, now=now)
        if as_json:
            print(row_json(prediction, staleness))
            return
        run.console.print(prediction_panel(prediction, now=now, stale_because=staleness.reasons))


app = job_app(main, doc=__doc__, example="./spark-submit.sh show_score 7590-VHVEG")
