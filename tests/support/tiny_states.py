"""States of the tiny scenario as batch scoring reads them."""

from pathlib import Path

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from batch.scoring.scorer import StateScorer
from batch.scoring.states import STATE_COLUMNS
from features.events.decode import EventDecoder, Records
from features.fold.fold import distinct, fold
from models.formats.artifact import load_artifact
from stores.hbase.stamps import stamp
from stores.records.deployments import ModelPointer
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import reading

ARRIVED_MS = 1_800_000_000_000


def tiny_cells(events: list[tuple[str, bytes]]) -> dict[str, bytes]:
    """Machine → state cell after `events` (machine, JSON), at offsets 0, 1, ... of epoch 1."""
    decoder = EventDecoder(SCENARIO.schema, max_event_bytes=10_000, max_future_skew_seconds=300)
    count = len(events)
    keys, values = [key.encode() for key, _ in events], [value for _, value in events]
    records = Records(keys, values, np.arange(count), np.full(count, ARRIVED_MS))
    decoded = decoder.decode(records)
    assert decoded.refusals == []
    entities = distinct(decoded.entities)
    states = SCENARIO.codec.empty(len(entities.ids))
    stamps = np.arange(count) + stamp(1, 0)
    fold(SCENARIO.plan, states, decoded, entity_rows=entities.rows, stamps=stamps, partition=0)
    return dict(zip(entities.ids, SCENARIO.codec.encode(states), strict=True))


def readings(count: int, *, machines: int) -> list[tuple[str, bytes]]:
    """Readings of `machines` machines in turn, hot and cold."""
    return [
        (
            f"machine {number % machines}",
            reading(
                f"machine {number % machines}", seconds=number, temperature_c=number * 37 % 150
            ),
        )
        for number in range(count)
    ]


def states_frame(spark: SparkSession, cells: dict[str, bytes]) -> DataFrame:
    """`cells` with positions that several machines share."""
    rows = [
        (entity, stamp(1, 100 + number // 3), cell)
        for number, (entity, cell) in enumerate(sorted(cells.items()))
    ]
    return spark.createDataFrame(rows, STATE_COLUMNS)


def tiny_scorer(pointer: ModelPointer, *, at_ms: int | None = None) -> StateScorer:
    """A scorer with the model of `pointer` and the policy's thresholds."""
    model = load_artifact(
        Path(pointer.artifact_uri),
        name=pointer.name,
        version=pointer.version,
        sha256=pointer.sha256,
        available_features=SCENARIO.plan.feature_names,
    )
    return StateScorer(
        scenario_name="tiny",
        module="tests.scenarios.tiny",
        model=model,
        thresholds=SCENARIO.policy.thresholds(),
        at_ms=at_ms,
    )
