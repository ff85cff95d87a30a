"""Every archived event beside the messages about it: the rows that a parity check looks at."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch.proofs.recompute.incarnations import Incarnations
from batch.proofs.recompute.logged_frame import PREDICTION, SUPPRESSED, UNREADABLE
from batch.records.archived import header
from features.events.reasons import UNSCORABLE
from scenarios.contract.scenario import Scenario

# What a row of the join is. The first five are as they should be.
COMPARED, SUPPRESSED_RIGHTLY, REFUSED = "compared", "suppressed", "refused"
UNJUDGED = "could not be judged then"
AWAITED = "not archived yet"
OTHER_DEFINITIONS = "other definitions"
NO_PREDICTION = "event without prediction"
NO_EVENT = "prediction without event"
OF_REFUSED = "prediction of a refused event"
WRONGLY_SUPPRESSED = "suppressed, though it could be scored"
WRONGLY_SCORED = "scored, though a required feature is missing"
NOT_READABLE = "unreadable message"
STATE_FAULTS = (
    NO_PREDICTION,
    NO_EVENT,
    OF_REFUSED,
    WRONGLY_SUPPRESSED,
    WRONGLY_SCORED,
    NOT_READABLE,
)


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """How far both archives surely reach, UTC epoch ms: what is newer may still be on its way."""

    events_ms: int
    predictions_ms: int


def parity_rows(
    events: DataFrame,
    logged: DataFrame,
    scenario: Scenario,
    *,
    unscorable: DataFrame,
    incarnations: Incarnations,
    horizon: Horizon,
) -> DataFrame:
    """One row per event and message about it, with `state`; a message may lack its event.

    events: `event_features`; logged: `logged_rows`; unscorable: the places (epoch, partition,
    offset) of events that were folded but could not be judged, see `unscorable_places`. Columns:
    those of `logged`, position columns filled from either side, and of the event: computed
    (features), event_entity, event_time_ms, as_of_ms, arrived_ms, refusal.
    """
    position = ["topic_id", "partition", "offset"]
    left = events.select(
        incarnations.column(F.col("epoch")).alias("topic_id"),
        "partition",
        "offset",
        F.lit(True).alias("is_event"),
        F.col("epoch").alias("event_epoch"),
        F.col("entity").alias("event_entity"),
        "event_time_ms",
        "as_of_ms",
        "arrived_ms",
        "refusal",
        F.col("features").alias("computed"),
    )
    places = unscorable.select(
        incarnations.column(F.col("epoch")).alias("topic_id"),
        "partition",
        "offset",
        F.lit(True).alias("is_unscorable"),
    ).distinct()
    right = logged.withColumn("topic_id", incarnations.column(F.col("epoch")))
    joined = left.join(right, on=position, how="full").join(places, on=position, how="left")
    rows = joined.withColumn("state", _state(scenario, horizon))
    return rows.withColumn("epoch", F.coalesce("epoch", "event_epoch")).withColumn(
        "entity", F.coalesce("entity", "event_entity")
    )


def unscorable_places(dead_letters: DataFrame, *, topic: str) -> DataFrame:
    """Columns epoch, partition, offset of the events of `topic` that could not be judged."""
    return dead_letters.where(
        (header("reason_code") == UNSCORABLE) & (header("source_topic") == topic)
    ).select(
        "epoch",
        header("source_partition").cast("int").alias("partition"),
        header("source_offset").cast("bigint").alias("offset"),
    )


def arrived_on(rows: DataFrame, *, begin_ms: int, end_ms: int) -> DataFrame:
    """Rows whose event arrived in [begin_ms, end_ms); without its event, when it was logged."""
    arrived = F.coalesce("arrived_ms", "scored_at", "logged_at")
    return rows.where((arrived >= begin_ms) & (arrived < end_ms))


def _state(scenario: Scenario, horizon: Horizon) -> Column:
    kind, refusal = F.col("kind"), F.col("refusal")
    is_prediction, is_suppressed = kind == PREDICTION, kind == SUPPRESSED
    no_event = F.col("is_event").isNull()
    can_score = _can_score(scenario)
    return (
        F.when(kind == UNREADABLE, NOT_READABLE)
        .when(
            is_prediction & (F.col("definitions") != scenario.definitions_digest), OTHER_DEFINITIONS
        )
        .when(kind.isNull() & refusal.isNotNull(), REFUSED)
        .when(kind.isNull() & F.col("is_unscorable"), UNJUDGED)
        .when(kind.isNull() & (F.col("arrived_ms") > horizon.predictions_ms), AWAITED)
        .when(kind.isNull(), NO_PREDICTION)
        .when(no_event & (F.col("logged_at") > horizon.events_ms), AWAITED)
        .when(no_event, NO_EVENT)
        .when(refusal.isNotNull(), OF_REFUSED)
        .when(is_suppressed & can_score, WRONGLY_SUPPRESSED)
        .when(is_suppressed, SUPPRESSED_RIGHTLY)
        .when(~can_score, WRONGLY_SCORED)
        .otherwise(COMPARED)
    )


def _can_score(scenario: Scenario) -> Column:
    if scenario.required_feature is None:
        return F.lit(True)
    column = scenario.plan.feature_names.index(scenario.required_feature)
    value = F.get(F.col("computed"), F.lit(column))
    return value.isNotNull() & ~F.isnan(value)
