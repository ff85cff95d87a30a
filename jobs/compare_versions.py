"""Show what changed between two model versions: data, features, parameters, code, decisions."""

from typing import Annotated

from typer import Argument

from batch.compare.reading import compared
from batch.compare.report import result_console, show, write
from jobs.launcher.code_version import commits_between
from jobs.launcher.run import Service, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import tracking_place
from jobs.wiring.model_versions import CHAMPION, version_named
from local.cache import cache_dir
from models.registry.versions import read_version
from scenarios.contract.readable_columns import categories

SPARK = True


def main(
    old: Annotated[str, Argument(help='A registered version, or "champion".')],
    new: Annotated[str, Argument(help='Another one, or "champion".')],
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
) -> None:
    needs: tuple[Service, ...] = ("hbase",) if CHAMPION in (old, new) else ()
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
    ) as run:
        conf, place = run.settings, tracking_place(run.settings)
        numbers = [version_named(name, conf, scenario) for name in (old, new)]
        versions = [read_version(place, scenario, number) for number in numbers]
        with spark_session(conf, app_name=f"compare {scenario}", with_delta=True) as spark:
            comparison = compared(
                spark,
                (versions[0], versions[1]),
                categories=categories(run.scenario),
                commits_between=commits_between,
                cache_dir=cache_dir() / "models",
                progress=run.console.print,
            )
        show(comparison, result_console())
        for path in write(conf.reports.folder / scenario, comparison):
            run.console.print(f"written to {path}", soft_wrap=True)


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh compare_versions --scenario churn 1 champion"
)
