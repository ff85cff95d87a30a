"""Scores the events that an epoch has not scored yet, in one Spark batch, before the next begins.

The rows of an epoch may be ahead of its checkpoint. A new epoch that began at the checkpoint would
fold those events twice, for it reads the old epoch's newest states; so the old one is finished
first, through the same pass: what was scored before is repeated to the byte.
"""

import json
from collections.abc import Mapping
from typing import Any

from streaming.passes.output import OUTPUT_SCHEMA
from streaming.passes.settings import PassSettings
from streaming.position.refusals import refusal_in
from streaming.query.query import QuerySettings, record_columns, request_bytes
from streaming.scoring.worker import scoring_function


def finish_epoch(
    spark: Any,
    settings: QuerySettings,
    *,
    scoring: PassSettings,
    owed: Mapping[int, tuple[int, int]],
) -> None:
    """Score and publish `owed`, partition → (a batch end, end), in the epoch of `scoring`.

    What lies outside its home by the old epoch becomes a dead letter. Raises a `Refused`.
    """
    if not owed:
        return
    try:
        _score(spark, settings, scoring, owed)
    except Exception as error:
        raise refusal_in(str(error)) or error from error


def _score(
    spark: Any,
    settings: QuerySettings,
    scoring: PassSettings,
    owed: Mapping[int, tuple[int, int]],
) -> None:
    source = (
        spark.read.format("kafka")
        .options(**settings.source_options)
        .option("assign", json.dumps({settings.topic: sorted(owed)}))
        .option("startingOffsets", _offsets(settings.topic, {p: a for p, (a, _) in owed.items()}))
        .option("endingOffsets", _offsets(settings.topic, {p: b for p, (_, b) in owed.items()}))
        .load()
        .select(*record_columns(scoring))
    )
    (
        source.mapInArrow(scoring_function(scoring), OUTPUT_SCHEMA)
        .write.format("kafka")
        .mode("append")
        .options(**settings.kafka_options)
        .option("kafka.max.request.size", request_bytes(scoring))
        .option("kafka.compression.type", "lz4")
        .save()
    )


def _offsets(topic: str, offsets: Mapping[int, int]) -> str:
    return json.dumps({topic: {str(partition): at for partition, at in offsets.items()}})
