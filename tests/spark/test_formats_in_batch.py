"""Versions of formats that live outside Python are scored by Spark's workers."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from batch.scoring.scorer import StateScorer
from batch.scoring.scores import scores_of
from features.fold.readout import features_of_states, states_in
from models.formats.artifact import load_artifact
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_states import readings, states_frame, tiny_cells
from tests.unit.models.formats.foreign_files import NAMES, checked_import, source


@pytest.mark.parametrize("kind", ["onnx", "pmml", "xgboost"])
def test_workers_give_the_drivers_scores(spark: SparkSession, kind: str, tmp_path: Path) -> None:
    checked = checked_import(source(kind).write(tmp_path), tmp_path / "v")
    model = load_artifact(
        tmp_path / "v",
        name="everscore-tiny",
        version="1",
        sha256=checked.sha256,
        available_features=NAMES,
    )
    scorer = StateScorer(
        scenario_name="tiny",
        module="tests.scenarios.tiny",
        model=model,
        thresholds=SCENARIO.policy.thresholds(),
    )
    cells = tiny_cells(readings(120, machines=40))
    rows = scores_of(states_frame(spark, cells), scorer).collect()
    scored = {row["entity"]: row["score"] for row in rows}
    states = states_in(SCENARIO.codec, pa.array(list(cells.values()), pa.binary()))
    features, _ = features_of_states(SCENARIO.plan, states, at_ms=None)
    expected = dict(zip(cells, model.scores(features).tolist(), strict=True))
    assert scored == expected
    assert len(set(scored.values())) > 2
