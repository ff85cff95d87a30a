"""Show who deployed which model version when, why and on which evidence, or what scored then."""

import sys
from typing import Annotated

import msgspec
from rich.table import Table
from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place
from jobs.wiring.streaming import store_session
from lifecycle.history import HistoryEntry, all_deployments, entries, is_complete, scored_at
from reports.terminal import Terminal

SPARK = True

_WIDTH = 160


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    at: Annotated[
        str | None, Option("--at", help="Name the version that scored at this ISO time.")
    ] = None,
    archive: Annotated[
        bool, Option("--archive", help="Read the archive's copy too, whatever HBase has.")
    ] = False,
    as_json: Annotated[bool, Option("--json", help="The result as JSON, on stdout.")] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        conf, moment = run.settings, moment_of(at)
        session = store_session(conf)
        deployments = all_deployments(session, scenario)
        if archive or not is_complete(deployments):
            run.console.print("reading the archive's copy of the deployments")
            name = f"history of {scenario}"
            with spark_session(conf, app_name=name, with_delta=True) as spark:
                place = delta_place(conf, scenario)
                deployments = all_deployments(session, scenario, archive=(spark, place))
        if moment is not None:
            answer = scored_at(deployments, moment)
            text = msgspec.json.encode(answer).decode() if as_json else answer.sentence
            Terminal().print(text, highlight=False, soft_wrap=True)
            return
        rows = entries(deployments)
        if as_json:
            sys.stdout.buffer.write(msgspec.json.encode(rows) + b"\n")
            return
        Terminal(width=None if sys.stdout.isatty() else _WIDTH).print(_table(rows))


def _table(rows: list[HistoryEntry]) -> Table:
    table = Table(box=None)
    for heading in ("no.", "when (UTC)", "what", "who", "why", "evidence"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(f"{row.number}", row.at[:23], row.change, row.by, row.reason, row.evidence)
    return table


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh deployment_history --scenario churn --at 2026-11-28T12:00Z",
)
