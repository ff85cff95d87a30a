"""What a rebuild computes from the archive, counted and ready to be written."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.rebuild.states import StateTask, WriteTask, rebuilt_rows, rebuilt_states, write_states
from batch.records.archived import archived_table
from stores.delta.files import HadoopFiles
from stores.delta.tables import DeltaPlace, is_table, read_table
from stores.records.epochs import EpochRecord

_PUBLISHED = "batch_rows"


@dataclass(frozen=True)
class Rebuilt:
    """States (entity, cell) and rows (entity, document), cached in Spark."""

    states: DataFrame
    latest: DataFrame

    @property
    def count(self) -> int:
        """How many states there are."""
        return self.states.count()

    @property
    def rows(self) -> int:
        """How many of the entities have a latest row."""
        return self.latest.count()

    def write(self, task: WriteTask) -> int:
        """Write all into the store; returns how many entities that were."""
        return write_states(self.states, self.latest, task)


def rebuilt(
    spark: SparkSession, place: DeltaPlace, task: StateTask, *, record: EpochRecord
) -> Rebuilt:
    """Fold the archive up to the beginning of `record`'s epoch; nothing is written."""
    states = rebuilt_states(spark, place, task, record=record)
    predictions = archived_table(spark, place, "predictions")
    latest = rebuilt_rows(predictions, published_rows(spark, place), record=record)
    return Rebuilt(states.persist(), latest.persist())


def published_rows(spark: SparkSession, place: DeltaPlace) -> DataFrame | None:
    """The rows that batch runs have published: entity, position, document, run; None before any."""
    runs = HadoopFiles(spark).names(place.path(_PUBLISHED))
    frames = [
        read_table(spark, path, made_by="score_batch").withColumn("run", F.lit(run))
        for run in runs
        for path in [place.path(_PUBLISHED, run)]
        if is_table(spark, path)
    ]
    return reduce(DataFrame.unionByName, frames) if frames else None
