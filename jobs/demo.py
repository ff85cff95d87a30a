"""The whole story in five minutes: history, model, stream, live view, summary."""

from typing import Annotated

from typer import Option

from batch.publishing.event_source import load_source
from jobs.demonstration.story import Demo
from jobs.launcher.run import job_run
from jobs.options.shared import (
    EnvOption,
    ScenarioOption,
    SetOption,
    VerboseOption,
    job_app,
    set_options,
)
from jobs.spark.class_archive import class_archive
from local.servers.platform import Platform, up

SPARK = False


def main(
    scenario: ScenarioOption = "churn",
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    rate: Annotated[float, Option(min=1, help="Follow-up events per second.")] = 300.0,
    duration: Annotated[float, Option(min=5, help="Seconds of follow-up events.")] = 45.0,
    bad_share: Annotated[float, Option(min=0, max=1, help="Share of bad events.")] = 0.02,
) -> None:
    with job_run(scenario=scenario, env=env, overrides=overrides, verbose=verbose) as run:
        load_source(scenario, run.settings.scenarios[scenario])  # without its data nothing starts
        if run.settings.platform.run_dir is not None:
            up(Platform(run.settings.platform.run_dir), console=run.console)
        if run.settings.spark.class_archive:  # visibly, not within the first job
            class_archive(is_made=True, console=run.console)
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        options = ["--scenario", scenario, "--env", env, *set_options(overrides)]
        Demo(run, options, rate=rate, duration=duration, bad_share=bad_share).play()


app = job_app(main, doc=__doc__, example="./spark-submit.sh demo --duration 60 --rate 500")
