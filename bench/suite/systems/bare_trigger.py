"""Our stream's query with the bare pass in it; started by bench/suite/systems/catalogue.py."""

import threading
from typing import Annotated

import typer
from typer import Option

from bench.suite.systems.bare_pass import BARE
from jobs.launcher.run import job_run
from jobs.spark.java_compilers import for_streams
from jobs.spark.session import spark_session
from jobs.wiring.query_starters import query_starter
from jobs.wiring.streaming import patience
from streaming.query.supervisor import Supervisor


def main(
    scenario: Annotated[str, Option()],
    overrides: Annotated[list[str] | None, Option("--set")] = None,
) -> None:
    """Run until it is stopped; prints `putting ...` once it consumes."""
    with (
        job_run(
            scenario=scenario, env="local", overrides=overrides, needs=("kafka", "hbase")
        ) as run,
        spark_session(for_streams(run.settings), app_name="bare trigger", at_once=True) as spark,
    ):
        starter = query_starter(run, run.scenario, BARE, spark=spark, check_lease=lambda: None)
        Supervisor(starter, threading.Event(), patience(run.settings), run.log).run()


if __name__ == "__main__":
    typer.run(main)
