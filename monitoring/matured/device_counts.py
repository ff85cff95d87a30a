"""What devices scored offline, counted by the period in which their records arrived."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.records.archived import archived_table
from monitoring.matured.options import MaturedOptions
from monitoring.period_data import DEVICE
from scenarios.contract.records.device_records import RECORD_TYPE, TOPIC_KIND
from stores.delta.tables import DeltaPlace, is_table

CLOCK = f"{DEVICE}implausible_clock"
_PLAUSIBLE = "plausible"
_RECORD = "type string, record_id string, clock string, verdict struct<band: string>"
_COUNTS = "period int, name string, value bigint"


def device_counts(spark: SparkSession, place: DeltaPlace, options: MaturedOptions) -> DataFrame:
    """period, name and value: records of each band ("device.band.BAND"), and those whose device's
    clock cannot be right (`CLOCK`). A record that was published twice counts once.

    Their scores are the judge's, as those of logged predictions are: the service recomputes them
    when they arrive. Empty for an archive without such records.
    """
    if not is_table(spark, place.path(TOPIC_KIND)):
        return spark.createDataFrame([], _COUNTS)
    arrived_ms = F.unix_millis("kafka_time")
    record = F.from_json(F.col("value").cast("string"), _RECORD)
    rows = archived_table(spark, place, TOPIC_KIND).where(arrived_ms <= options.now_ms)
    records = rows.select(record.alias("record"), arrived_ms.alias("arrived_ms")).where(
        F.col("record.type") == RECORD_TYPE
    )
    once = records.groupBy("record.record_id").agg(
        F.min("arrived_ms").alias("arrived_ms"), F.any_value("record").alias("record")
    )
    band = F.concat(F.lit(f"{DEVICE}band."), F.col("record.verdict.band"))
    clock = F.when(F.col("record.clock") != _PLAUSIBLE, F.lit(CLOCK))
    names = once.select(
        options.period_of(F.col("arrived_ms")).alias("period"),
        F.explode(F.array_compact(F.array(band, clock))).alias("name"),
    )
    counted = names.where(F.col("period").isNotNull()).groupBy("period", "name")
    return counted.agg(F.count("*").alias("value"))
