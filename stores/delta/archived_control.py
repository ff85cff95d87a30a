"""The archive's copy of epochs and deployments, which must outlive the control table in HBase.

The archiver copies both beside the events as they change. Where the control table was lost, the
stream reads here that epochs have begun before, and `rebuild_state` restores both.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from py4j.java_gateway import JavaClass
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from stores.delta.absent import present
from stores.delta.epoch_table import stored_epochs
from stores.delta.tables import DeltaPlace, is_table, read_table
from stores.hbase.stamps import FIRST_EPOCH
from stores.records.deployments import Deployment
from stores.records.epochs import EpochRecord, EpochStart

_MADE_BY = "archive_stream"
_DEPLOYMENTS = "deployments"
_COLUMNS = (
    "deployed_at string, champion string, champion_version string, record string, "
    "noted_at timestamp"
)
_ANY_SESSION = "spark.databricks.delta.requiredSparkConfsCheck.enabled"


def archived_starts(spark: SparkSession, place: DeltaPlace) -> Sequence[EpochStart]:
    """All epochs in the archive, newest first; those of an older archive by its events.

    Of such an archive `first_offsets` names only partitions that had events. Delta's jars will do,
    without its extension; a session without them finds no archive.
    """
    if not _has_delta(spark):
        return ()
    return stored_epochs(spark, place) or _starts_in_events(spark, place)


def is_anything_scored(spark: SparkSession, place: DeltaPlace, record: EpochRecord) -> bool:
    """Whether the archive holds any prediction on the topic of `record`: then a stream has run."""
    path = place.path("predictions")
    if not _has_delta(spark) or not is_table(spark, path):
        return False
    predictions = present(read_table(spark, path, made_by=_MADE_BY))
    return not predictions.where(F.col("epoch").isin(record.epochs_of_topic)).isEmpty()


def record_of(starts: Sequence[EpochStart], *, topic: str) -> EpochRecord | None:
    """The newest of `starts` (newest first) as a record; None without any."""
    if not starts:
        return None
    newest, *earlier = starts
    is_one_topic = {start.topic_id for start in starts} == {newest.topic_id}
    return EpochRecord(
        epoch=newest.epoch,
        topic=topic,
        topic_id=newest.topic_id,
        partitions=len(newest.first_offsets),
        first_offsets=newest.first_offsets,
        reason="as the archive knows it",
        begun_at="",
        is_whole_history=is_one_topic and starts[-1].epoch == FIRST_EPOCH,
        earlier=tuple(earlier),
        partitioner=newest.partitioner,
    )


def keep_deployments(
    spark: SparkSession, place: DeltaPlace, deployments: Sequence[Deployment]
) -> None:
    """Append those of `deployments` that the history lacks, in order; creates the table."""
    archived = archived_deployments(spark, place)
    missing = [deployment for deployment in deployments if deployment not in archived]
    if not missing:
        return
    records: list[Any] = [
        (
            deployment.deployed_at,
            deployment.champion.name,
            deployment.champion.version,
            msgspec.json.encode(deployment).decode(),
        )
        for deployment in missing
    ]
    columns = _COLUMNS.rpartition(",")[0]
    rows = spark.createDataFrame(records, columns).withColumn("noted_at", F.current_timestamp())
    writer = rows.coalesce(1).write.format("delta").mode("append")
    writer.options(**place.properties).save(place.path(_DEPLOYMENTS))


def archived_deployments(spark: SparkSession, place: DeltaPlace) -> list[Deployment]:
    """Every deployment of the history, in the order they were noted and deployed."""
    path = place.path(_DEPLOYMENTS)
    if not is_table(spark, path):
        return []
    rows = read_table(spark, path, made_by=_MADE_BY).select("noted_at", "deployed_at", "record")
    in_order = sorted(rows.collect(), key=lambda row: (row["noted_at"], row["deployed_at"]))
    return [msgspec.json.decode(row["record"], type=Deployment) for row in in_order]


def newest_deployment(spark: SparkSession, place: DeltaPlace) -> Deployment | None:
    """The deployment that was noted last, or None."""
    deployments = archived_deployments(spark, place)
    return deployments[-1] if deployments else None


def _has_delta(spark: SparkSession) -> bool:
    """Whether Delta's classes are there, as they need not be on a cluster; lets them be used."""
    spark.conf.set(_ANY_SESSION, "false")
    jvm: Any = spark._jvm
    return isinstance(jvm.io.delta.tables.DeltaTable, JavaClass)


def _starts_in_events(spark: SparkSession, place: DeltaPlace) -> Sequence[EpochStart]:
    path = place.path("events")
    if not is_table(spark, path):
        return ()
    rows = (
        read_table(spark, path, made_by=_MADE_BY)
        .where("epoch >= 1")
        .groupBy("epoch", "topic_id", "partition")
        .agg(F.min("offset").alias("first"))
        .collect()
    )
    starts = []
    for epoch in sorted({row["epoch"] for row in rows}, reverse=True):
        epoch_rows = [row for row in rows if row["epoch"] == epoch]
        first = {row["partition"]: row["first"] for row in epoch_rows}
        topic_id = epoch_rows[0]["topic_id"]
        starts.append(EpochStart(epoch=epoch, topic_id=topic_id, first_offsets=first))
    return starts
