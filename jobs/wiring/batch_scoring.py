"""The steps of a batch scoring run, each with its progress and its figures."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
from pyspark.sql import DataFrame, SparkSession
from rich.table import Table

from batch.scoring.publish import PublishTask, published
from batch.scoring.retention_list import retention_list, write_list
from batch.scoring.rows import RowTask, rows_of, write_rows
from batch.scoring.run_tables import RunTables
from batch.scoring.scorer import StateScorer, check_state_tells_all
from batch.scoring.scores import (
    ARROW_ROWS,
    band_counts,
    scores_of,
    unscorable_rows,
    write_scores,
)
from batch.scoring.states import ScanTask, newest_states, write_states
from conf.settings import Settings
from jobs.launcher.run import Run
from jobs.spark.java_compilers import for_long_batches
from jobs.spark.step_progress import spark_step
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.model_versions import model_version
from jobs.wiring.streaming import store_session
from local.cache import cache_dir
from models.registry.versions import check_not_retired, load_version
from scenarios.contract.scenario import Scenario
from stores.delta.tables import read_table
from stores.records.deployments import read_deployment
from stores.records.erasures import ErasureTable

JOB = "score_batch"
# Each of so many tasks reads 256 / 32 key prefixes; also the steps that the progress is seen in.
_SCAN_TASKS = 32


def for_scoring(settings: Settings) -> Settings:
    """The settings with Java's full compiler and Arrow batches of the size that scores quickest.

    The quick compiler alone is for jobs of a minute; see the decision on batch scoring.
    """
    batch_settings = for_long_batches(settings)
    conf = batch_settings.spark.conf | {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(ARROW_ROWS)
    }
    return batch_settings.model_copy(
        update={"spark": batch_settings.spark.model_copy(update={"conf": conf})}
    )


def scorer_of(
    settings: Settings, scenario: Scenario, *, version: str, at_ms: int | None
) -> StateScorer:
    """The scorer with model `version` ("champion" or a number), loaded and checked here.

    The champion decides by the deployment's thresholds, any other version by its card's. Raises
    `NeedsEvents`, `NoSuchVersion`, `RetiredModel`, `PolicyError` and what loading raises.
    """
    check_state_tells_all(scenario)
    trained_version = model_version(settings, scenario.name, version)
    check_not_retired(trained_version)
    names, cache = scenario.feature_names, cache_dir() / "models"
    model = load_version(trained_version, available_features=names, cache_dir=cache)
    deployment = read_deployment(hbase_store(settings), scenario.name)
    is_champion = deployment is not None and deployment.champion.version == trained_version.version
    thresholds = deployment.thresholds if deployment and is_champion else model.card.thresholds
    scenario.policy.check_thresholds(thresholds)
    return StateScorer(
        scenario_name=scenario.name,
        module=settings.scenarios[scenario.name],
        model=model,
        thresholds=thresholds,
        at_ms=at_ms,
    )


@dataclass(frozen=True)
class BatchSteps:
    """One run over one Spark session."""

    run: Run
    spark: SparkSession
    tables: RunTables
    scorer: StateScorer
    commit: str

    def states_in_store(self) -> DataFrame:
        """Every entity's newest state, read once and cached by Spark."""
        settings, scenario = self.run.settings, self.run.scenario.name
        erased = ErasureTable(store_session(settings), scenario).read()
        retry_seconds = settings.hbase.retry_seconds
        task = ScanTask(hbase_store(settings), scenario, retry_seconds, erased)
        states = newest_states(self.spark, task, tasks=_SCAN_TASKS).persist()
        with spark_step(self.spark, self.run.console, "reading states") as step:
            step.rows = states.count()
        return states

    def store_states(self, states: DataFrame) -> DataFrame:
        """`states` as a table of the run."""
        count = states.count()
        with spark_step(self.spark, self.run.console, "writing states", rows=count):
            write_states(states, self.tables, count=count, note=self._note)
        states.unpersist()
        return read_table(self.spark, self.tables.states, made_by=JOB)

    def score(self, states: DataFrame) -> DataFrame:
        """Scores as a table of the run."""
        with spark_step(self.spark, self.run.console, "scoring", rows=states.count()):
            write_scores(scores_of(states, self.scorer), self.tables, note=self._note)
        return read_table(self.spark, self.tables.scores, made_by=JOB)

    def publish(self, states: DataFrame, *, count: int) -> None:
        """Rows as a table of the run, then in HBase; `count` is how many are expected."""
        settings, console = self.run.settings, self.run.console
        with spark_step(self.spark, console, "explaining and wording rows", rows=count):
            write_rows(rows_of(states, self.row_task), self.tables, note=self._note)
        rows = read_table(self.spark, self.tables.rows, made_by=JOB)
        store, patience = hbase_store(settings), settings.hbase.retry_seconds
        with spark_step(self.spark, console, "publishing to HBase", rows=count) as step:
            step.rows = published(rows, PublishTask(store, self.run.scenario.name, patience))

    def list_files(self, scores: DataFrame, states: DataFrame, *, size: int) -> list[Path]:
        """The retention list as files."""
        listed = retention_list(scores, states, self.row_task, size=size)
        folder = self.run.settings.reports.folder / self.run.scenario.name
        return write_list(listed, folder, run=self.tables.run)

    def show(self, scores: DataFrame, states: DataFrame) -> int:
        """Print entities per band and how many were left out; returns how many were scored."""
        bands, total = band_counts(scores, self.run.scenario), states.count()
        self.run.console.print(f"{self.run.scenario.title}, run {self.tables.run}")
        table = Table("band", "entities")
        for band, count in bands.items():
            table.add_row(band, f"{count:,}")
        scored = sum(bands.values())
        unscorable, cause = unscorable_rows(scores)
        missing = total - scored - unscorable
        table.add_row(f"without {self.run.scenario.required_feature}", f"{missing:,}")
        table.add_row("unscorable", f"{unscorable:,}")
        self.run.console.print(table)
        if unscorable:
            line = f"{unscorable:,} entities could not be judged, among them: {cause}"
            self.run.console.print(line, markup=False, highlight=False, soft_wrap=True)
        return scored

    @property
    def row_task(self) -> RowTask:
        """How rows of this run are built."""
        tables = self.tables
        return RowTask(scorer=self.scorer, run=tables.run, scored_at_ms=tables.scored_at_ms)

    @property
    def _note(self) -> str:
        scorer, scenario = self.scorer, self.run.scenario
        note = {
            "run": self.tables.run,
            "model_version": scorer.model.version,
            "as_of_ms": scorer.at_ms,
            "feature_definitions": scenario.definitions_digest,
            "policy_version": scenario.policy.version,
            "thresholds": dict(scorer.thresholds),
            "git_commit": self.commit,
        }
        return msgspec.json.encode(note).decode()
