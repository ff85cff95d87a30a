"""Whom to contact first: the run's highest risks as files for people and for other software."""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch.scoring.rows import RowTask
from batch.scoring.scores import ARROW_ROWS
from reports.files import replacing
from reports.spreadsheet import SpreadsheetWriter
from scenarios.contract.scenario import Scenario
from stores.hbase.predictions import Prediction

_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("score", pa.float64()),
        ("band", pa.string()),
        ("action", pa.string()),
        ("review", pa.bool_()),
        ("reasons", pa.string()),
        ("features_as_of", pa.timestamp("us", tz="UTC")),
        ("valid_until", pa.timestamp("us", tz="UTC")),
        ("model_version", pa.string()),
        ("prediction_id", pa.string()),
    ]
)


def retention_list(
    scores: DataFrame, states: DataFrame, task: RowTask, *, size: int
) -> list[Prediction]:
    """The `size` contactable entities with the highest scores, highest first, ties by entity.

    Contactable are those outside the control group whose action is not the policy's
    `control_action` ("none" for churn: nothing is to be done). scores, states: tables of one run.
    """
    top_entities = contactable(scores, task.scorer.scenario)
    top_entities = (
        top_entities.orderBy(F.desc("score"), F.asc("entity")).limit(size).select("entity")
    )
    top_states = states.join(F.broadcast(top_entities), on="entity", how="left_semi").toArrow()
    batches = top_states.combine_chunks().to_batches(max_chunksize=ARROW_ROWS)
    predictions = [
        prediction
        for batch in batches
        for prediction in task.predictions(task.scorer.scored(batch).judged)
    ]
    return sorted(predictions, key=lambda prediction: (-prediction.score, prediction.entity))


def contactable(scores: DataFrame, scenario: Scenario) -> DataFrame:
    """The rows of `scores` that anybody may act on."""
    has_action = F.col("action") != scenario.policy.control_action
    return scores.where(~F.col("control_group") & has_action)


def write_list(predictions: Sequence[Prediction], folder: Path, *, run: str) -> list[Path]:
    """Write the list as CSV and Parquet into `folder` (created when missing) and return both paths.

    The CSV is for spreadsheets (`reports.spreadsheet`); Parquet holds the texts as they are.
    Raises `FileExistsError` when the run has a list already.
    """
    rows = [_row(prediction) for prediction in predictions]
    as_csv, as_parquet = (folder / f"retention-{run}.{kind}" for kind in ("csv", "parquet"))
    for path in (as_csv, as_parquet):
        if path.exists():
            raise FileExistsError(errno.EEXIST, "the run has a list already", str(path))
    with replacing(as_csv) as part, part.open("w", newline="", encoding="utf-8") as lines:
        writer = SpreadsheetWriter(lines, _SCHEMA.names)
        for row in rows:
            times = {name: row[name].isoformat() for name in ("features_as_of", "valid_until")}
            writer.write(list({**row, **times}.values()))
    with replacing(as_parquet) as part:
        pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), part)
    return [as_csv, as_parquet]


def _row(prediction: Prediction) -> dict[str, Any]:
    reasons = "; ".join(f"{reason.text} ({reason.direction})" for reason in prediction.reasons)
    fields = {name: getattr(prediction, name, None) for name in _SCHEMA.names}
    return {**fields, "reasons": reasons, "model_version": prediction.model.version}
