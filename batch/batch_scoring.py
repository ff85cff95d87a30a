"""A run's scores: every state scored by one model version, from Delta to Delta."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch.run_tables import RunTables
from batch.state_scoring import StateScorer
from scenarios.scenario import Scenario
from stores.delta import write_new_table

# States per Arrow batch: with 4,000 a core scores a quarter fewer.
ARROW_ROWS = 50_000
# What a task gives: codes instead of names, which Spark looks up as it writes.
_CODED = (
    "entity string, position bigint, score double, band tinyint, action tinyint, review boolean, "
    "control_group boolean, features_as_of timestamp"
)
_ARROW = pa.schema(
    [
        ("entity", pa.string()),
        ("position", pa.int64()),
        ("score", pa.float64()),
        ("band", pa.int8()),
        ("action", pa.int8()),
        ("review", pa.bool_()),
        ("control_group", pa.bool_()),
        ("features_as_of", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True)
class ScoreTask:
    """Scores the states of one Spark task."""

    scorer: StateScorer

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns entity, position, cell to the scores of those that can be scored."""
        is_first = True
        for batch in batches:
            found = self.scorer.scored(batch)
            if is_first:
                self.scorer.check(found)
                is_first = False
            columns = [
                found.batch.column("entity"),
                found.batch.column("position"),
                pa.array(found.scores),
                pa.array(found.decisions.bands.astype(np.int8)),
                pa.array(found.decisions.actions.astype(np.int8)),
                pa.array(found.decisions.review),
                pa.array(found.control),
                pa.array(found.as_of_ms * 1000).cast(_ARROW.field("features_as_of").type),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=_ARROW)


def scores_of(states: DataFrame, scorer: StateScorer) -> DataFrame:
    """One row per scorable entity of `states` (entity, position, cell).

    entity, position, score, band, action, review, control_group, features_as_of (UTC timestamp),
    model_version.
    """
    policy = scorer.scenario.policy
    bands = [band.name for band in policy.bands]
    rows = states.select("entity", "position", "cell").mapInArrow(
        ScoreTask(scorer.without_reasons()), _CODED
    )
    return rows.select(
        "entity",
        "position",
        "score",
        _name(F.col("band"), bands).alias("band"),
        _name(F.col("action"), policy.actions).alias("action"),
        "review",
        "control_group",
        "features_as_of",
        F.lit(scorer.model.version).alias("model_version"),
    )


def write_scores(scores: DataFrame, tables: RunTables, *, note: str) -> None:
    """Write `scores` as the run's own table; raises `TableExists`."""
    write_new_table(scores, tables.scores, place=tables.place, note=note)


def band_counts(scores: DataFrame, scenario: Scenario) -> dict[str, int]:
    """Band → number of entities, in the policy's order."""
    found = {row["band"]: row["count"] for row in scores.groupBy("band").count().collect()}
    return {band.name: found.get(band.name, 0) for band in scenario.policy.bands}


def _name(code: Column, names: Sequence[str]) -> Column:
    """The name that `code` (0, 1, ...) means."""
    return F.element_at(F.array(*[F.lit(name) for name in names]), code.cast("int") + 1)
