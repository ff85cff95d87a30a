"""Labels that reviewers gave, each with its propensity, from the archive of their decisions."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.records.archived import archived_records
from batch.records.scored_positions import scored_position
from scenarios.contract.review.decisions import TOPIC_KIND, TYPE
from stores.delta.tables import DeltaPlace, is_table

_DECISION = (
    "type string, entity string, event_time timestamp, prediction_id string, opinion int, "
    "is_final boolean, verdict string, label int, reviewer string, because array<string>, "
    "propensity double"
)
_COLUMNS = (
    "prediction_id string, entity string, epoch int, partition int, offset bigint, label int, "
    "propensity double, weight double, because array<string>, verdict string, reviewer string, "
    "decided_at timestamp"
)


def review_labels(spark: SparkSession, place: DeltaPlace, *, until_ms: int) -> DataFrame:
    """One row per case whose review left a label by `until_ms` (UTC epoch ms, Kafka's time).

    Columns: prediction_id, entity, epoch (as the stream numbered it), partition and offset of the
    event that was scored, label
    (1 positive, 0 negative), propensity, weight (its inverse), because, verdict, reviewer (of the
    opinion that ended the review), decided_at. Of several final opinions the last one counts, and
    a case whose last one leaves the label open has no row. A decision that was sent twice is one.

    Sums with `weight` stand for all cases and not only for those that were sent to review (Horvitz
    and Thompson 1952), provided that some are sent by chance (`ReviewPlan.random_share`). Empty for
    an archive that has no table of decisions yet.
    """
    if not is_table(spark, place.path(TOPIC_KIND)):
        return spark.createDataFrame([], _COLUMNS)
    records = archived_records(spark, place, TOPIC_KIND, until_ms=until_ms)
    decision = F.from_json(F.col("value").cast("string"), _DECISION).alias("decision")
    epoch, partition, offset = scored_position(place.scenario)
    decisions = records.select(decision).select(
        "decision.*", epoch.alias("epoch"), partition.alias("partition"), offset.alias("offset")
    )
    is_sound = (
        F.col("offset").isNotNull()
        & F.col("propensity").between(1e-9, 1.0)
        & (F.col("type") == TYPE)
    )
    final = decisions.where(is_sound & F.col("is_final"))
    others = [F.col(name) for name in final.columns if name not in ("prediction_id", "opinion")]
    newest = final.groupBy("prediction_id").agg(
        F.max_by(F.struct(*others), "opinion").alias("newest")
    )
    rows = newest.select("prediction_id", "newest.*").where(F.col("label").isNotNull())
    labels: DataFrame = rows.select(
        "prediction_id",
        "entity",
        "epoch",
        "partition",
        "offset",
        "label",
        "propensity",
        (1.0 / F.col("propensity")).alias("weight"),
        "because",
        "verdict",
        "reviewer",
        F.col("event_time").alias("decided_at"),
    )
    return labels
