"""PipelineModels of Spark ML become graphs that score as Spark does."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import (
    DecisionTreeClassifier,
    GBTClassifier,
    LogisticRegression,
    RandomForestClassifier,
)
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import SparkSession

from batch.exchange.foreign import ForeignModel
from batch.exchange.imported import stored_and_checked
from batch.exchange.spark_ml import spark_ml_model, zipped
from models.errors import ModelCorrupt, ModelNeedsFeatures, ModelUntrusted
from models.formats.onnx_writer import NoConversion
from tests.scenarios.tiny import SCENARIO
from tests.unit.models.formats.foreign_files import NAMES, PARTICULARS, PROBE, rows

KINDS = ("linear", "tree", "forest", "boosted")


def classifier(kind: str) -> Any:
    """An untrained one; Spark must have been started."""
    match kind:
        case "linear":
            return LogisticRegression(maxIter=20)
        case "tree":
            return DecisionTreeClassifier(maxDepth=3, seed=1)
        case "forest":
            return RandomForestClassifier(numTrees=5, maxDepth=4, seed=1)
    return GBTClassifier(maxIter=4, maxDepth=3, seed=1)


def saved(
    spark: SparkSession,
    folder: Path,
    *stages: Any,
    names: tuple[str, ...] = NAMES,
    invalid: str = "keep",
) -> Path:
    """A pipeline of an assembler and `stages`, fitted and written."""
    features, outcomes = rows()
    frame = pd.DataFrame(np.nan_to_num(features), columns=list(NAMES))
    frame["label"] = outcomes.astype(float)
    assembler = VectorAssembler(inputCols=list(names), outputCol="features", handleInvalid=invalid)
    model = Pipeline(stages=[assembler, *stages]).fit(spark.createDataFrame(frame))
    model.write().overwrite().save(folder.as_uri())
    return folder


def read(spark: SparkSession, folder: Path) -> ForeignModel:
    return spark_ml_model(spark, folder, PROBE, NAMES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipeline_is_stored_as_a_graph_that_scores_as_spark_does(
    spark: SparkSession, kind: str, tmp_path: Path
) -> None:
    foreign = read(spark, saved(spark, tmp_path / "m", classifier(kind)))
    assert foreign.feature_names == NAMES
    if kind != "linear":  # a sum over a missing value is missing
        assert not np.isnan(foreign.scores).any()
        checked = stored_and_checked(
            tmp_path / "v", foreign, SCENARIO, PROBE, particulars=PARTICULARS
        )
        assert checked.parity.holds
        assert checked.parity.largest_difference < 1e-6
    scores = foreign.stored_as.read(foreign.model, file=tmp_path).predictor.scores(PROBE)
    assert np.array_equal(np.isnan(scores), np.isnan(foreign.scores))
    assert np.nanmax(np.abs(scores - foreign.scores)) < 1e-6
    assert len(np.unique(scores[~np.isnan(scores)])) > 3


def test_other_pipelines_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    linear = classifier("linear")
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    with pytest.raises(ModelUntrusted, match=r"stages \['org.apache.spark.ml.feature.Standard"):
        read(spark, saved(spark, tmp_path / "a", scaler, linear))
    with pytest.raises(NoConversion, match="handleInvalid='error', expected 'keep'"):
        read(spark, saved(spark, tmp_path / "b", linear, invalid="error"))
    swapped = (NAMES[1], NAMES[0], *NAMES[2:])
    with pytest.raises(ModelNeedsFeatures, match=r"1 mode \| temperature_c \(!\)"):
        read(spark, saved(spark, tmp_path / "c", linear, names=swapped))


def test_a_damaged_folder_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    folder = saved(spark, tmp_path / "m", classifier("tree"))
    assert zipped(folder) == zipped(Path(shutil.copytree(folder, tmp_path / "copy")))
    (metadata,) = (folder / "metadata").glob("part-*")
    text = json.loads(metadata.read_text())
    metadata.write_text(json.dumps(text | {"class": "java.lang.Runtime"}))
    with pytest.raises(ModelUntrusted, match=r"java\.lang\.Runtime"):
        read(spark, folder)
    metadata.write_text("{")
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        read(spark, folder)
    shutil.rmtree(folder / "metadata")
    with pytest.raises(ModelCorrupt, match="is no saved PipelineModel"):
        read(spark, folder)
