"""Score every customer's newest state at once, publish the rows and list whom to contact first."""

from datetime import UTC, datetime
from typing import Annotated

from typer import Option

from batch.scoring.run_tables import RunTables, run_id
from batch.scoring.scores import scores_of
from jobs.launcher.code_version import git_commit
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.batch_scoring import BatchSteps, for_scoring, scorer_of
from jobs.wiring.from_settings import delta_place
from jobs.wiring.table_turns import SCORING_RUNS, turn

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    version: Annotated[
        str, Option("--model-version", help="A model version, or champion.")
    ] = "champion",
    as_of: Annotated[
        str | None, Option(help="Features as of this ISO time; else of each state's own.")
    ] = None,
    publish: Annotated[bool, Option("--publish/--no-publish", help="Write HBase rows.")] = True,
    list_size: Annotated[int, Option(min=1, help="Length of the retention list.")] = 500,
    dry_run: Annotated[bool, Option("--dry-run", help="Count, write nothing.")] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        conf, at = for_scoring(run.settings), moment_of(as_of)
        at_ms = int(at.timestamp() * 1000) if at else None
        scorer = scorer_of(conf, run.scenario, version=version, at_ms=at_ms)
        tables = RunTables(place=delta_place(conf, scenario), run=run_id(datetime.now(UTC)))
        with (
            turn(conf, scenario, [SCORING_RUNS], job="score_batch", log=run.log),
            spark_session(conf, app_name=f"batch-score {scenario}", with_delta=True) as spark,
        ):
            steps = BatchSteps(run, spark, tables, scorer, commit=git_commit())
            stored_states = steps.states_in_store()
            if dry_run:
                steps.show(scores_of(stored_states, scorer), stored_states)
                return
            states = steps.store_states(stored_states)
            scores = steps.score(states)
            scored = steps.show(scores, states)
            if publish:
                steps.publish(states, count=scored)
            listed = steps.list_files(scores, states, size=list_size)
        for path in (tables.states, tables.scores, *([tables.rows] if publish else []), *listed):
            run.console.print(str(path), markup=False, highlight=False, soft_wrap=True)


app = job_app(main, doc=__doc__, example="./spark-submit.sh score_batch --scenario churn")
