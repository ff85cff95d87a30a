"""Two model versions compared: their snapshots in Delta, their models in folders."""

import json
from io import StringIO
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from batch.compare.comparison import Comparison
from batch.compare.reading import compared
from batch.compare.report import show, write
from batch.training_sets.snapshots import SnapshotRecord, snapshot_frame
from batch.training_sets.training_set import TrainingSet, training_set_of
from models.registry.versions import TrainedVersion
from scenarios.contract.readable_columns import categories
from stores.delta.tables import DeltaPlace, write_new_table
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_snapshot import NAMES, ROWS, tiny_record, tiny_rows
from tests.support.tiny_versions import renamed, tiny_card, tiny_version, without_snapshot


def _written(
    spark: SparkSession, folder: Path, rows: pd.DataFrame, *, number: int
) -> tuple[SnapshotRecord, TrainingSet]:
    place = DeltaPlace(root=str(folder), scenario="tiny", retention_days=30)
    record = tiny_record(place.path("training_sets", f"{number:06d}"), number=number)
    if "warmth" in rows.columns:
        record = renamed(record, "heat", "warmth")
    note = msgspec.json.encode(record).decode()
    write_new_table(spark.createDataFrame(rows), record.path, place=place, note=note)
    frame = snapshot_frame(spark, record, version=0)
    return record, training_set_of(frame, record.feature_names, counts={})


def _compared(spark: SparkSession, old: TrainedVersion, new: TrainedVersion) -> Comparison:
    return compared(
        spark,
        (old, new),
        categories=categories(SCENARIO),
        commits_between=lambda old, new: 3,
        cache_dir=Path("unused"),
        progress=lambda text: None,
    )


@pytest.fixture(scope="module")
def old_version(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainedVersion, TrainingSet, SnapshotRecord]:
    folder = tmp_path_factory.mktemp("old")
    record, training_set = _written(spark, folder, tiny_rows(), number=1)
    return (
        tiny_version(folder / "model", training_set, tiny_card(training_set, record)),
        training_set,
        record,
    )


Old = tuple[TrainedVersion, TrainingSet, SnapshotRecord]


def test_drift_customers_metrics_and_decisions_are_told(
    spark: SparkSession, tmp_path: Path, old_version: Old
) -> None:
    rows = tiny_rows(seed=2).assign(heat=lambda frame: frame["heat"] + 15.0)
    rows = rows[rows["entity"] != "m00000"]
    rows.loc[rows["entity"] == "m00005", "entity"] = "n00001"
    record, training_set = _written(spark, tmp_path, rows, number=2)
    card = tiny_card(training_set, record, seed=2)
    comparison = _compared(
        spark, old_version[0], tiny_version(tmp_path / "model", training_set, card, seed=2)
    )
    data, same = comparison.data, comparison.same_cases
    assert data is not None
    assert same is not None
    assert (data.entities_added, data.entities_removed, data.is_same) == (1, 2, False)
    assert (data.features[0].feature, data.features[0].verdict) == ("heat", "much")
    assert data.features[1].verdict == "little"
    assert [parameter.name for parameter in comparison.parameters] == ["seed"]
    differences = {metric.name: metric.difference for metric in comparison.metrics}
    assert differences["auroc"] == pytest.approx(0.01)
    assert (same.snapshot_number, same.rows, same.left_out) == (2, 299, 0)
    assert sum(map(sum, same.decisions.matrix)) == same.rows
    assert same.decisions.flipped > 0
    assert {metric.name for metric in same.metrics} >= {"auroc", "brier"}
    assert comparison.notes == ()


def test_what_is_printed_is_kept_and_the_json_can_be_read(
    spark: SparkSession, tmp_path: Path, old_version: Old
) -> None:
    comparison = _compared(spark, old_version[0], old_version[0])
    as_json, as_text = write(tmp_path, comparison)
    assert (as_json.name, as_text.name) == ("compare-1-1.json", "compare-1-1.txt")
    assert json.loads(as_json.read_bytes())["same_cases"]["decisions"]["flipped"] == 0
    file = StringIO()
    show(comparison, Console(file=file, width=110))
    assert file.getvalue() == as_text.read_text(encoding="utf-8")
    for words in ("rows: the same", "parameters: the same", "0 of 300 decisions differ"):
        assert words in file.getvalue()


def test_rows_erased_since_a_training_are_counted_and_their_ids_not_told(
    spark: SparkSession, tmp_path: Path
) -> None:
    from delta.tables import DeltaTable

    record, training_set = _written(spark, tmp_path, tiny_rows(), number=1)
    version = tiny_version(tmp_path / "model", training_set, tiny_card(training_set, record))
    DeltaTable.forPath(spark, record.path).delete("entity in ('m00010', 'm00011')")
    comparison = _compared(spark, version, version)
    assert (comparison.new.rows, comparison.new.rows_erased) == (ROWS, 2)
    assert comparison.same_cases is not None
    assert comparison.same_cases.rows == 299
    _, as_text = write(tmp_path, comparison)
    assert "rows erased since the training" in as_text.read_text(encoding="utf-8")
    assert "m00010" not in as_text.read_text(encoding="utf-8")


def test_a_model_that_needs_other_features_leaves_decisions_out(
    spark: SparkSession, tmp_path: Path, old_version: Old
) -> None:
    rows = tiny_rows().rename(columns={"heat": "warmth"})
    record, training_set = _written(spark, tmp_path, rows, number=2)
    card = tiny_card(training_set, record, seed=2)
    comparison = _compared(
        spark, old_version[0], tiny_version(tmp_path / "model", training_set, card, seed=2)
    )
    assert (comparison.features_added, comparison.features_removed) == (("warmth",), ("heat",))
    assert comparison.same_cases is None
    assert any("decisions are not compared" in note and "heat" in note for note in comparison.notes)
    assert comparison.data is not None
    assert {feature.feature for feature in comparison.data.features} == set(NAMES) - {"heat"}


def test_a_version_without_a_snapshot_is_compared_by_what_is_known(
    spark: SparkSession, tmp_path: Path, old_version: Old
) -> None:
    _, training_set, record = old_version
    card = without_snapshot(tiny_card(training_set, record, seed=2))
    before = tiny_version(tmp_path / "model", training_set, card, seed=2)
    comparison = _compared(spark, before, old_version[0])
    assert comparison.data is None
    assert comparison.same_cases is not None
    assert any("names no training snapshot" in note for note in comparison.notes)


def test_rows_that_one_version_was_trained_on_are_left_out(
    spark: SparkSession, tmp_path: Path, old_version: Old
) -> None:
    rows = tiny_rows()
    rows["split"] = ["test" if number % 2 == 0 else "train" for number in range(ROWS)]
    record, training_set = _written(spark, tmp_path, rows, number=2)
    card = tiny_card(training_set, record, seed=2)
    comparison = _compared(
        spark, old_version[0], tiny_version(tmp_path / "model", training_set, card, seed=2)
    )
    assert comparison.same_cases is not None
    assert (comparison.same_cases.rows, comparison.same_cases.left_out) == (150, 600)
