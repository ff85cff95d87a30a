"""Build a training snapshot from the archive: features as they were, outcomes as known.

With --labels reviews the outcomes are reviewers' verdicts, each weighted by the inverse of the
probability with which its case was sent to review: archive_stream brings them from the queue.
"""

from datetime import UTC, datetime
from typing import Annotated

from typer import Option

from batch.training.report import show_counts
from batch.training_sets.acted_on import RULES, rule_named
from batch.training_sets.build import (
    Build,
    check_as_of,
    rows_and_counts,
    rule_of,
    sources,
    write_snapshot,
)
from batch.training_sets.reviewed import source_named
from jobs.launcher.code_version import git_commit
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, training_options
from jobs.wiring.table_turns import SNAPSHOTS, turn

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    as_of: Annotated[str | None, Option(help="What was known then, ISO 8601; default now.")] = None,
    acted_on: Annotated[
        str,
        Option(help=f"Rows of customers that were acted on: {', '.join(RULES)}; default: conf's."),
    ] = "",
    labels: Annotated[
        str,
        Option(help="labels: of the labels topic; reviews: verdicts from the review queue."),
    ] = "labels",
    dry_run: Annotated[bool, Option("--dry-run", help="Print counts, write nothing.")] = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        now, show = datetime.now(UTC), run.console.print
        moment = moment_of(as_of) or now
        build = Build(
            scenario=run.scenario,
            options=training_options(run.settings, moment),
            created_at=now,
            git_commit=git_commit(),
            acted_on=rule_named(acted_on or run.settings.training.acted_on.get(scenario)),
            labels_from=source_named(labels),
        )
        check_as_of(build)
        place = delta_place(run.settings, scenario)
        conf = run.settings
        with (
            turn(conf, scenario, [SNAPSHOTS], job="build_training_set", log=run.log),
            spark_session(conf, app_name=f"snapshot {scenario}", with_delta=True) as spark,
        ):
            source_tables = sources(spark, place, as_of_ms=build.options.as_of_ms)
            frame, counts = rows_and_counts(source_tables, build, progress=show)
            show_counts(counts, run.console)
            show(f"rows of customers that were acted on: {rule_of(source_tables, build)}")
            if dry_run:
                return
            record, stored = write_snapshot(
                spark, place, build, source_tables, rows=frame, counts=counts, progress=show
            )
        rows = f"{stored.counts['train_rows']:,} train, {stored.counts['test_rows']:,} test rows"
        run.log(f"snapshot {record.number}, version {record.version}: {rows}")
        run.log(f"digest {record.rows_digest} as of {record.as_of}; {record.path}")
        show(f"next: ./spark-submit.sh train_model --scenario {scenario}")


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh build_training_set --scenario churn --dry-run"
)
