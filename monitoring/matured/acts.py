"""What became of every posted outcome, and what was done about each case."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from monitoring.matured.labels import (
    BEFORE_ITS_EVENT,
    CORRECTED,
    DUPLICATE,
    IN_TIME,
    LATE,
    UNKNOWN_ENTITY,
    UNKNOWN_PREDICTION,
    case_key,
    refused_dispositions,
)
from monitoring.matured.options import MaturedOptions
from scenarios.contract.records.outcomes import ACCEPTED, SHOWN
from scenarios.contract.scenario import Label

_ORDER = ("epoch", "arrived_ms", "partition", "offset")
_NOT_COUNTED = (UNKNOWN_PREDICTION, UNKNOWN_ENTITY, BEFORE_ITS_EVENT)


def stated_outcomes(
    posted: DataFrame, predictions: DataFrame, label: Label, options: MaturedOptions
) -> DataFrame:
    """The valid rows of `posted` with disposition, `case_key` and period of the prediction.

    The first that holds of: unknown_prediction (none of this id); unknown_entity (the prediction is
    of another one); before_its_event (dated before the event that was scored); duplicate and
    corrected (an outcome of the same prediction and stage stands before it, saying the same or
    something else); late (it arrived when the period of its prediction was mature); in_time. That
    an offer is shown and the customer's answer are two stages: the second corrects nothing.

    posted: `batch.records.posted_outcomes`; predictions: id, entity, event_id, event_time,
    arrived_ms and period of every logged prediction
    """
    right = predictions.select(
        F.col("id").alias("prediction_id"),
        F.col("entity").alias("predicted_entity"),
        "event_id",
        "event_time",
        F.col("arrived_ms").alias("made_ms"),
        "period",
    ).dropDuplicates(["prediction_id"])
    valid = posted.where(F.col("refusal").isNull()).join(right, on="prediction_id", how="left")
    unusable = (
        F.when(F.col("predicted_entity").isNull(), UNKNOWN_PREDICTION)
        .when(F.col("predicted_entity") != F.col("entity"), UNKNOWN_ENTITY)
        .when(F.col("acted_ms") < F.col("event_time"), BEFORE_ITS_EVENT)
    )
    stage = F.when(F.col("status") == SHOWN, 0).otherwise(1)
    judged = valid.withColumn("stage", stage).withColumn("unusable", unusable)
    # An unusable record is neither repeated nor corrected by a usable one.
    same = ("prediction_id", "stage", F.col("unusable").isNull())
    said = F.struct("status", "reason", "offer", "cost")
    numbered = judged.withColumn("said", said).withColumn(
        "previous", F.lag("said").over(Window.partitionBy(*same).orderBy(*_ORDER))
    )
    due_ms = options.period_end_ms(F.col("made_ms")) + F.lit(options.maturity_ms(label))
    disposition = (
        F.when(F.col("unusable").isNotNull(), F.col("unusable"))
        .when(F.col("previous") == F.col("said"), DUPLICATE)
        .when(F.col("previous").isNotNull(), CORRECTED)
        .when(F.col("arrived_ms") > due_ms, LATE)
        .otherwise(IN_TIME)
    )
    return numbered.withColumn("disposition", disposition)


def outcome_dispositions(stated: DataFrame, posted: DataFrame) -> DataFrame:
    """One row per outcome record: arrived_ms, disposition, reason (null unless refused)."""
    no_reason = F.lit(None).cast("string").alias("reason")
    valid = stated.select("arrived_ms", "disposition", no_reason)
    return valid.unionByName(refused_dispositions(posted))


def acts_of_cases(stated: DataFrame, label: Label) -> DataFrame:
    """`case_key`, period, is_accepted and action_cost of each case that an agent acted on.

    Of a prediction the last published answer counts; without one, that it was shown. Where labels
    are of entities, those of all the entity's predictions in the period belong to its case, and
    their costs are summed.
    """
    key = case_key(label)
    counted = stated.where(~F.col("disposition").isin(*_NOT_COUNTED) & F.col("period").isNotNull())
    last = F.max_by(F.struct("status", "cost"), F.struct("stage", *_ORDER)).alias("last")
    by_prediction = counted.groupBy(*key, "period", "prediction_id").agg(last)
    return by_prediction.groupBy(*key, "period").agg(
        F.max(F.col("last.status") == ACCEPTED).alias("is_accepted"),
        F.sum("last.cost").alias("action_cost"),
    )
