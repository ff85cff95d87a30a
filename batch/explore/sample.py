"""A snapshot's rows for people: whole when small, a seeded sample when large, without ids."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.training_sets.snapshots import MADE_BY, SnapshotRecord
from stores.delta.tables import commits, read_table


class NothingToExplore(RuntimeError):
    """The snapshot has no rows."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class SnapshotSample:
    """A snapshot as it is now.

    version, rows, positives, test_rows   of the table's newest version (after erasures)
    features   sampled rows: one float64 column per feature, NaN for missing
    outcomes   int64 (sampled,), 0 or 1
    seed       of the sample
    """

    record: SnapshotRecord
    version: int
    rows: int
    positives: int
    test_rows: int
    features: pd.DataFrame
    outcomes: npt.NDArray[np.int64]
    seed: int

    @property
    def title(self) -> str:
        """For example "churn snapshot 3"."""
        return f"{self.record.scenario} snapshot {self.record.number}"

    @property
    def sampling(self) -> str:
        """A sentence that says which rows were looked at."""
        sampled_rows = len(self.features)
        if sampled_rows == self.rows:
            return f"All {sampled_rows:,} rows of snapshot {self.record.number}."
        return (
            f"A random sample of {sampled_rows:,} of the {self.rows:,} rows of snapshot "
            f"{self.record.number} (seed {self.seed})."
        )


def read_sample(
    spark: SparkSession, record: SnapshotRecord, *, most_rows: int, seed: int
) -> SnapshotSample:
    """At most `most_rows` rows of the snapshot, selected by a hash of their ids and `seed`.

    The same rows every time, however Spark divides the work. Raises `TableAbsent` or, for a
    snapshot without rows, `NothingToExplore`.
    """
    frame = read_table(spark, record.path, made_by=MADE_BY)
    counted: Any = frame.agg(
        F.count("*").alias("rows"),
        F.sum("label").alias("positives"),
        F.count_if(F.col("split") == "test").alias("test_rows"),
    ).collect()[0]
    if not counted["rows"]:
        raise NothingToExplore(
            f"{record.scenario} snapshot {record.number} has no rows (built with {record.rows:,}; "
            f"read then: {dict(record.counts)}): publish events and labels, then run "
            f"archive_stream --scenario {record.scenario} --once and "
            f"build_training_set --scenario {record.scenario}"
        )
    sample = _sampled(frame, seed) if counted["rows"] > most_rows else frame
    table = sample.select("label", *record.feature_names).limit(most_rows).toPandas()
    return SnapshotSample(
        record=record,
        version=commits(spark, record.path, made_by=MADE_BY)[0].version,
        rows=counted["rows"],
        positives=counted["positives"] or 0,
        test_rows=counted["test_rows"],
        features=table[list(record.feature_names)].astype(np.float64),
        outcomes=table["label"].to_numpy(dtype=np.int64),
        seed=seed,
    )


def _sampled(frame: DataFrame, seed: int) -> DataFrame:
    return frame.orderBy(F.xxhash64("entity", "label_time_ms", F.lit(seed)))
