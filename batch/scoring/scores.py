"""A run's scores: every state scored by one model version, from Delta to Delta."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch.scoring.run_tables import RunTables
from batch.scoring.scorer import StateScorer
from scenarios.contract.scenario import Scenario
from stores.delta.tables import write_new_table

# States per Arrow batch: with 4,000 a core scores a quarter fewer.
ARROW_ROWS = 50_000
# What a task gives: codes instead of names, which Spark looks up as it writes.
_CODED = (
    "entity string, position bigint, score double, band tinyint, action tinyint, review boolean, "
    "control_group boolean, features_as_of timestamp, unscorable string"
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
        ("unscorable", pa.string()),
    ]
)


@dataclass(frozen=True)
class ScoreTask:
    """Scores the states of one Spark task."""

    scorer: StateScorer

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns entity, position, cell to the scores of those with the required feature.

        One that could not be judged has no score, but the cause in `unscorable`.
        """
        is_first = True
        for batch in batches:
            scored_states = self.scorer.scored(batch)
            if is_first:
                self.scorer.check(scored_states)
                is_first = False
            judged, verdicts = scored_states.judged, scored_states.judged.verdicts
            columns = [
                judged.batch.column("entity"),
                judged.batch.column("position"),
                pa.array(verdicts.scores),
                pa.array(verdicts.decisions.bands.astype(np.int8)),
                pa.array(verdicts.decisions.actions.astype(np.int8)),
                pa.array(verdicts.decisions.review),
                pa.array(verdicts.control),
                pa.array(judged.as_of_ms * 1000).cast(_ARROW.field("features_as_of").type),
                pa.nulls(len(verdicts.rows), pa.string()),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=_ARROW)
            if scored_states.unscorable:
                entities, positions, causes = zip(*scored_states.unscorable, strict=True)
                rows = {"entity": entities, "position": positions, "unscorable": causes}
                columns = [
                    pa.array(rows[field.name], field.type)
                    if field.name in rows
                    else pa.nulls(len(entities), field.type)
                    for field in _ARROW
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=_ARROW)


def scores_of(states: DataFrame, scorer: StateScorer) -> DataFrame:
    """One row per entity of `states` (entity, position, cell) that has the required feature.

    entity, position, score, band, action, review, control_group, features_as_of (UTC timestamp),
    unscorable, model_version. One that could not be judged has the cause in `unscorable` and no
    score; `unscorable_rows` counts them.
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
        "unscorable",
        F.lit(scorer.model.version).alias("model_version"),
    )


def unscorable_rows(scores: DataFrame) -> tuple[int, str]:
    """How many entities could not be judged, and one of the causes."""
    unscorable = scores.where(F.col("unscorable").isNotNull())
    row = unscorable.agg(F.count("*").alias("entities"), F.min("unscorable").alias("cause")).first()
    return (0, "") if row is None or not row["entities"] else (row["entities"], row["cause"])


def write_scores(scores: DataFrame, tables: RunTables, *, note: str) -> None:
    """Write `scores` as the run's own table; raises `TableExists`."""
    write_new_table(scores, tables.scores, place=tables.place, note=note)


def band_counts(scores: DataFrame, scenario: Scenario) -> dict[str, int]:
    """Band → number of entities, in the policy's order."""
    counts = {row["band"]: row["count"] for row in scores.groupBy("band").count().collect()}
    return {band.name: counts.get(band.name, 0) for band in scenario.policy.bands}


def _name(code: Column, names: Sequence[str]) -> Column:
    """The name that `code` (0, 1, ...) means."""
    return F.element_at(F.array(*[F.lit(name) for name in names]), code.cast("int") + 1)
