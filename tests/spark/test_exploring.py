"""Samples of snapshots, and the pages that are written from them."""

from pathlib import Path

import msgspec
import pandas as pd
from pyspark.sql import SparkSession

from batch.explore.explore import write_drift, write_profile
from batch.explore.sample import SnapshotSample, read_sample
from batch.training_sets.snapshots import SnapshotRecord
from stores.delta.tables import DeltaPlace, write_new_table
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_snapshot import ROWS, tiny_record, tiny_rows


def _written(
    spark: SparkSession, folder: Path, rows: pd.DataFrame, *, number: int = 1
) -> SnapshotRecord:
    place = DeltaPlace(root=str(folder), scenario="tiny", retention_days=30)
    record = tiny_record(place.path("training_sets", f"{number:06d}"), number=number)
    note = msgspec.json.encode(record).decode()
    write_new_table(spark.createDataFrame(rows), record.path, place=place, note=note)
    return record


def _sampled(spark: SparkSession, record: SnapshotRecord, *, seed: int = 1) -> SnapshotSample:
    return read_sample(spark, record, most_rows=300, seed=seed)


def test_a_small_snapshot_is_read_whole(spark: SparkSession, tmp_path: Path) -> None:
    rows = tiny_rows()
    sample = read_sample(spark, _written(spark, tmp_path, rows), most_rows=ROWS, seed=1)
    assert (sample.rows, len(sample.features), sample.version) == (ROWS, ROWS, 0)
    assert (sample.positives, sample.test_rows) == (rows["label"].sum(), 300)
    assert sample.sampling == "All 1,500 rows of snapshot 1."


def test_a_large_snapshot_is_sampled_by_seed_and_says_so(
    spark: SparkSession, tmp_path: Path
) -> None:
    record = _written(spark, tmp_path, tiny_rows())
    sample, again = (_sampled(spark, record) for _ in range(2))
    assert sample.features.equals(again.features)
    assert not sample.features.equals(_sampled(spark, record, seed=2).features)
    assert (sample.rows, len(sample.features)) == (ROWS, 300)
    expected = "A random sample of 300 of the 1,500 rows of snapshot 1 (seed 1)."
    assert sample.sampling == expected


def test_erased_rows_are_not_read_and_are_counted(spark: SparkSession, tmp_path: Path) -> None:
    from delta.tables import DeltaTable

    record = _written(spark, tmp_path, tiny_rows())
    DeltaTable.forPath(spark, record.path).delete("entity = 'm00003'")
    sample = read_sample(spark, record, most_rows=ROWS, seed=1)
    assert (sample.rows, len(sample.features)) == (ROWS - 1, ROWS - 1)
    assert sample.version > 0


def test_pages_are_written_and_the_profile_links_to_the_drift(
    spark: SparkSession, tmp_path: Path
) -> None:
    warmer = tiny_rows(seed=2).assign(heat=lambda rows: rows["heat"] + 15.0)
    old, new = (
        _sampled(spark, _written(spark, tmp_path, rows, number=number))
        for number, rows in ((1, tiny_rows()), (2, warmer))
    )
    lines: list[str] = []
    folder = tmp_path / "reports" / "tiny"
    drift = write_drift(folder, new, old, scenario=SCENARIO, progress=lines.append)
    profile = write_profile(folder, new, SCENARIO, progress=lines.append)
    assert (drift.name, profile.name) == ("snapshot-2-against-1.html", "snapshot-2.html")
    assert "drifted: heat" in lines
    assert f'href="{drift.name}"' in profile.read_text(encoding="utf-8")
    assert "A random sample of 300" in profile.read_text(encoding="utf-8")
