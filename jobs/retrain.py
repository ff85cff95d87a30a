"""Train a version again from its record alone and compare it on the frozen probe set."""

import sys
from typing import Annotated

import msgspec
from typer import Exit, Option

from batch.training.retrain import retrained, snapshot_now
from jobs.launcher.run import Service, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.model_versions import CHAMPION, model_version
from local.cache import cache_dir
from models.registry.versions import card_of, probe_of

SPARK = True


def main(
    scenario: ScenarioOption,
    from_version: Annotated[
        str, Option("--from-version", help="A model version, or champion.")
    ] = CHAMPION,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    as_json: Annotated[bool, Option("--json", help="The result as JSON, on stdout.")] = False,
) -> None:
    needs: tuple[Service, ...] = ("hbase",) if from_version == CHAMPION else ()
    with job_run(
        scenario=scenario,
        env=env,
        overrides=overrides,
        verbose=verbose,
        needs=needs,
        folds_events=True,
    ) as run:
        conf, show = run.settings, run.console.print
        version = model_version(conf, scenario, from_version)
        cache = cache_dir() / "models"
        card, probe = card_of(version, cache_dir=cache), probe_of(version, cache_dir=cache)
        with spark_session(conf, app_name=f"retrain {scenario}", with_delta=True) as spark:
            now = snapshot_now(spark, card)
        show(f"{version.name} version {version.version}, trained on snapshot {now.record.number}")
        result = retrained(card, probe, now, run.scenario, version=version.version, progress=show)
        run.log(result.sentence)
        if as_json:
            sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
        if not result.is_equal:
            raise Exit(5)


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh retrain --scenario churn --from-version 1"
)
