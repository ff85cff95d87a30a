"""What became of every label record, and which label each case has."""

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from batch.records.archived import archived_records
from batch.training_sets.outcomes import OUTCOME_KEY, last_published, outcomes
from monitoring.matured.options import MaturedOptions
from scenarios.contract.scenario import Label, Scenario
from stores.delta.tables import DeltaPlace, is_table

_NO_RECORDS = (
    "key binary, value binary, partition int, offset bigint, timestamp timestamp, epoch int"
)

IN_TIME, LATE, DUPLICATE, CORRECTED = "in_time", "late", "duplicate", "corrected"
UNKNOWN_PREDICTION, UNKNOWN_ENTITY = "unknown_prediction", "unknown_entity"
BEFORE_ITS_EVENT, REFUSED = "before_its_event", "refused"
DISPOSITIONS = (
    IN_TIME,
    LATE,
    DUPLICATE,
    CORRECTED,
    UNKNOWN_PREDICTION,
    UNKNOWN_ENTITY,
    BEFORE_ITS_EVENT,
    REFUSED,
)


def label_records(
    spark: SparkSession, place: DeltaPlace, scenario: Scenario, options: MaturedOptions
) -> DataFrame:
    """One row per label record that Kafka had by now: `batch.training_sets.outcomes.outcomes`."""
    if is_table(spark, place.path("labels")):
        records = archived_records(spark, place, "labels", until_ms=options.now_ms)
    else:
        records = spark.createDataFrame([], _NO_RECORDS)
    return outcomes(records, scenario.label, options.limits)


def label_key(label: Label) -> list[str]:
    """What identifies a label; without the event where labels are of entities."""
    return [name for name in OUTCOME_KEY if label.of_event is not None or name != "event_id"]


def case_key(label: Label) -> list[str]:
    """What a label must have in common with a case."""
    return ["entity"] if label.of_event is None else ["entity", "event_id"]


def can_judge() -> Column:
    """Whether a label says something about a prediction: it was made in time, from nothing later.

    As in `lifecycle.challenge.evidence` and `batch.training_sets.rows`: it knew of nothing later
    than the outcome, and was made before the outcome was known.
    """
    knew_nothing_later = F.col("features_as_of") <= F.col("label_time_ms")
    return knew_nothing_later & (F.col("scored_at") <= F.col("known_ms"))


def labels_of_cases(
    cases: DataFrame, label_rows: DataFrame, label: Label, options: MaturedOptions
) -> DataFrame:
    """Columns of `case_key`, period, label and counted_ms (when the value that counts arrived).

    Of an entity's labels the first from the prediction on counts that lies within the horizon; of
    an event there is one. Cases without a label have no row.

    cases: `case_key`, period, arrived_ms, features_as_of, scored_at; label_rows: `label_records`
    """
    on = case_key(label)
    published = last_published(label_rows)
    right = published if "event_id" in on else published.drop("event_id")
    left = cases.select(*on, "period", "arrived_ms", "features_as_of", "scored_at")
    pairs = left.join(right, on=on, how="inner").where(can_judge())
    if label.of_event is None:
        pairs = pairs.where(F.col("label_time_ms") <= F.col("arrived_ms") + options.horizon_ms)
    first = F.min_by(F.struct("label", "counted_ms"), F.col("label_time_ms")).alias("first")
    return pairs.groupBy(*on, "period").agg(first).select(*on, "period", "first.*")


def label_dispositions(
    label_rows: DataFrame, predictions: DataFrame, label: Label, options: MaturedOptions
) -> DataFrame:
    """One row per label record: arrived_ms, disposition, reason (null unless refused).

    The first that holds of: refused; unknown_entity (no prediction of the entity);
    unknown_prediction (of an event without one); before_its_event (dated before whatever was
    predicted, or published before); duplicate and corrected (another record with the same key
    stands before it, with the same value or another one); late (it arrived when the period of the
    prediction that it judges was mature); in_time.

    predictions: entity, event_id, arrived_ms, features_as_of, scored_at of every prediction
    """
    on, key = case_key(label), label_key(label)
    in_order = Window.partitionBy(*key).orderBy("epoch", "arrived_ms", "partition", "offset")
    valid = label_rows.where(F.col("refusal").isNull())
    numbered = valid.withColumn("previous", F.lag("label").over(in_order)).withColumn(
        "known_ms", F.min("arrived_ms").over(Window.partitionBy(*key))
    )
    judged = _judged(numbered.select(*key, "known_ms").distinct(), predictions, on=on, key=key)
    is_known_entity = F.col("entity_predictions").isNotNull()
    due_ms = options.period_end_ms(F.col("judged_ms")) + F.lit(options.maturity_ms(label))
    disposition = (
        F.when(~is_known_entity, UNKNOWN_ENTITY)
        .when(F.col("candidates") == 0, UNKNOWN_PREDICTION)
        .when(F.col("judged_ms").isNull(), BEFORE_ITS_EVENT)
        .when(F.col("previous") == F.col("label"), DUPLICATE)
        .when(F.col("previous").isNotNull(), CORRECTED)
        .when(F.col("arrived_ms") > due_ms, LATE)
        .otherwise(IN_TIME)
    )
    entities = predictions.groupBy("entity").agg(F.count("*").alias("entity_predictions"))
    stated = numbered.join(judged, on=key, how="left").join(entities, on="entity", how="left")
    no_reason = F.lit(None).cast("string").alias("reason")
    return stated.select("arrived_ms", disposition.alias("disposition"), no_reason).unionByName(
        refused_dispositions(label_rows)
    )


def refused_dispositions(rows: DataFrame) -> DataFrame:
    """The dispositions of refused records: columns arrived_ms, disposition, reason."""
    refused = rows.where(F.col("refusal").isNotNull())
    return refused.select(
        "arrived_ms", F.lit(REFUSED).alias("disposition"), F.col("refusal").alias("reason")
    )


def _judged(keys: DataFrame, predictions: DataFrame, *, on: list[str], key: list[str]) -> DataFrame:
    """Per label key: candidates (predictions of its entity or event), and judged_ms, the arrival
    of the last one that it judges.
    """
    candidates = predictions.select(
        *on, F.col("arrived_ms").alias("made_ms"), "features_as_of", "scored_at"
    )
    pairs = keys.join(candidates, on=on, how="left")
    return pairs.groupBy(*key).agg(
        F.count("made_ms").alias("candidates"),
        F.max(F.when(can_judge(), F.col("made_ms"))).alias("judged_ms"),
    )
