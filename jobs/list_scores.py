"""List customers of a band, highest risk first, as a retention list (on stdout)."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.status.freshness import lag_of, row_json
from jobs.wiring.from_settings import hbase_store
from reports.spreadsheet import SpreadsheetWriter
from stores.hbase.predictions import Prediction, reader
from streaming.position.staleness import Staleness

SPARK = False
_COLUMNS = ("entity", "score", "band", "action", "reasons", "features_as_of", "model_version")
_FRESHNESS = ("age_seconds", "stale")


class ListFormat(StrEnum):
    """CSV is for spreadsheets, JSON (a row's document on each line) for software."""

    CSV = "csv"
    JSON = "json"


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
    list_format: Annotated[
        ListFormat,
        Option("--format", help="csv for spreadsheets: no cell is a formula; json for software."),
    ] = ListFormat.CSV,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        run.scenario.policy.check_band(band)
        store, status = hbase_store(run.settings), "reading latest predictions"
        with run.console.status(status), reader(store, scenario) as predictions:
            candidates = list(predictions.scan(band=band))
        selected_rows = [
            prediction for prediction in candidates if control_group or not prediction.control_group
        ]
        selected_rows.sort(key=lambda prediction: (-prediction.score, prediction.entity))
        lag, now = lag_of(run), datetime.now(UTC)
        rows = [
            (prediction, lag.staleness(prediction, now=now)) for prediction in selected_rows[:limit]
        ]
        if list_format is ListFormat.JSON:
            sys.stdout.writelines(f"{row_json(*row)}\n" for row in rows)
        else:
            _write_csv(rows)
        stale = sum(staleness.is_stale for _, staleness in rows)
        stale_note = f", {stale:,} of them stale" if stale else ""
        run.console.print(f"{len(rows):,} of {len(selected_rows):,} listed{stale_note}")


def _write_csv(rows: Sequence[tuple[Prediction, Staleness]]) -> None:
    writer = SpreadsheetWriter(sys.stdout, (*_COLUMNS, *_FRESHNESS))
    for prediction, staleness in rows:
        reasons = "; ".join(f"{reason.text} ({reason.direction})" for reason in prediction.reasons)
        case = (prediction.entity, prediction.score, prediction.band, prediction.action, reasons)
        basis = (prediction.features_as_of.isoformat(), prediction.model.version)
        writer.write((*case, *basis, round(staleness.age_seconds), "; ".join(staleness.reasons)))


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh list_scores --scenario churn --band high"
)
