"""Write an HTML profile of a training snapshot, and what drifted against another one."""

from typing import Annotated

from typer import Option

from batch.explore.explore import write_drift, write_profile
from batch.explore.sample import read_sample
from batch.training_sets.snapshots import read_record
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    snapshot: Annotated[int | None, Option(help="Its number; default the newest.")] = None,
    against: Annotated[int | None, Option(help="Compare with this older snapshot.")] = None,
    rows: Annotated[int, Option(min=1, help="Look at a sample of at most so many.")] = 50_000,
    seed: Annotated[int, Option(min=0, help="Another seed, another sample.")] = 1,
) -> None:
    with job_run(scenario=scenario, env=env, overrides=overrides, verbose=verbose) as run:
        place, show = delta_place(run.settings, scenario), run.console.print
        with spark_session(run.settings, app_name=f"explore {scenario}", with_delta=True) as spark:
            records = [read_record(spark, place, snapshot)]
            if against is not None:
                records.append(read_record(spark, place, against))
            show(f"reading {' and '.join(f'snapshot {record.number}' for record in records)}")
            samples = [read_sample(spark, record, most_rows=rows, seed=seed) for record in records]
        folder = run.settings.reports.folder / scenario
        if against is not None:
            print(write_drift(folder, *samples, scenario=run.scenario, progress=show))
        print(write_profile(folder, samples[0], run.scenario, progress=show))


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh explore --scenario churn --snapshot 2 --against 1"
)
