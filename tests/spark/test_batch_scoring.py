"""Batch scoring from states to scores, rows and the list, on Delta tables."""

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from batch.scoring.retention_list import contactable, retention_list, write_list
from batch.scoring.rows import RowTask, rows_of, write_rows
from batch.scoring.run_tables import RunTables, run_id
from batch.scoring.scorer import StateScorer
from batch.scoring.scores import band_counts, scores_of, write_scores
from batch.scoring.states import write_states
from features.fold.readout import features_of_states
from stores.delta.tables import DeltaPlace, TableExists, read_table
from stores.hbase.predictions import Prediction
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import save_tiny_model
from tests.support.tiny_states import readings, states_frame, tiny_cells, tiny_scorer

RUN = "20261121T153000Z"
MACHINES = 60
REPAIR = b'{"type":"repair","machine":"new","event_time":"2026-01-01T00:00:00Z","parts":2}'


@pytest.fixture(scope="module")
def cells() -> dict[str, bytes]:
    """States of machines with readings, and of one that was only repaired."""
    return tiny_cells([*readings(300, machines=MACHINES), ("new", REPAIR)])


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> StateScorer:
    return tiny_scorer(save_tiny_model(tmp_path_factory.mktemp("model") / "1"))


@pytest.fixture
def states(spark: SparkSession, cells: dict[str, bytes]) -> DataFrame:
    return states_frame(spark, cells)


@pytest.fixture
def tables(tmp_path: Path) -> RunTables:
    place = DeltaPlace(root=str(tmp_path), scenario="tiny", retention_days=400)
    return RunTables(place=place, run=RUN)


def task_of(scorer: StateScorer) -> RowTask:
    return RowTask(scorer=scorer, run=RUN, scored_at_ms=1_795_275_000_000)


def test_scores_are_those_of_the_model_to_the_bit(
    states: DataFrame, scorer: StateScorer, cells: dict[str, bytes]
) -> None:
    rows_by_entity = {row["entity"]: row for row in scores_of(states, scorer).collect()}
    entities = [entity for entity in cells if entity != "new"]
    folded = SCENARIO.codec.decode([cells[entity] for entity in entities])
    features, as_of_ms = features_of_states(SCENARIO.plan, folded, at_ms=None)
    expected = scorer.model.scores(features)
    scores = np.array([rows_by_entity[entity]["score"] for entity in entities])
    assert scores.tobytes() == expected.tobytes()
    as_of = [
        rows_by_entity[entity]["features_as_of"].replace(tzinfo=UTC).timestamp()
        for entity in entities
    ]
    assert as_of == pytest.approx((as_of_ms / 1000).tolist(), abs=0)
    assert {row["model_version"] for row in rows_by_entity.values()} == {"1"}
    for row in rows_by_entity.values():
        assert row["band"] == ("hot" if row["score"] >= 0.5 else "ok")
        assert row["action"] in SCENARIO.policy.actions


def test_the_model_itself_gives_the_same_table(states: DataFrame, scorer: StateScorer) -> None:
    plain = scores_of(states, replace(scorer, is_plain=True)).orderBy("entity").collect()
    assert plain == scores_of(states, scorer).orderBy("entity").collect()


def test_entities_without_the_required_feature_are_left_out_and_counted(
    states: DataFrame, scorer: StateScorer
) -> None:
    scores = scores_of(states, scorer)
    assert "new" not in {row["entity"] for row in scores.collect()}
    assert states.count() - sum(band_counts(scores, SCENARIO).values()) == 1
    assert list(band_counts(scores, SCENARIO)) == ["ok", "hot"]


def test_as_of_a_later_time_the_sums_have_decayed(states: DataFrame, scorer: StateScorer) -> None:
    later = datetime(2027, 1, 1, tzinfo=UTC)
    at_ms = int(later.timestamp() * 1000)
    row = scores_of(states, replace(scorer, at_ms=at_ms)).first()
    assert row is not None
    assert row["features_as_of"].replace(tzinfo=UTC) == later


def test_an_earlier_run_is_never_overwritten(
    states: DataFrame, scorer: StateScorer, tables: RunTables
) -> None:
    write_states(states, tables, count=MACHINES + 1, note="first")
    write_scores(scores_of(states, scorer), tables, note="first")
    write_rows(rows_of(states, task_of(scorer)), tables, note="first")
    with pytest.raises(TableExists):
        write_states(states.limit(1), tables, count=1, note="second")
    with pytest.raises(TableExists):
        write_scores(scores_of(states.limit(1), scorer), tables, note="second")
    with pytest.raises(TableExists):
        write_rows(rows_of(states.limit(1), task_of(scorer)), tables, note="second")
    spark = states.sparkSession
    assert read_table(spark, tables.states, made_by="score_batch").count() == MACHINES + 1
    assert read_table(spark, tables.scores, made_by="score_batch").count() == MACHINES
    assert run_id(datetime(2026, 11, 21, 15, 30, tzinfo=UTC)) == RUN


def test_kept_states_lie_in_the_order_of_their_positions(
    spark: SparkSession, states: DataFrame, tables: RunTables
) -> None:
    write_states(states, tables, count=MACHINES + 1, note="")
    for path in Path(tables.states).glob("*.parquet"):
        positions = pq.read_table(path).column("position").to_pylist()
        assert positions == sorted(positions)


def test_rows_say_the_scores_with_stable_ids_and_reasons_where_needed(
    states: DataFrame, scorer: StateScorer
) -> None:
    rows = rows_of(states, task_of(scorer)).orderBy("entity").collect()
    assert rows == rows_of(states, task_of(scorer)).orderBy("entity").collect()
    predictions = [msgspec.json.decode(row["document"], type=Prediction) for row in rows]
    scores = {row["entity"]: row for row in scores_of(states, scorer).collect()}
    assert {prediction.entity for prediction in predictions} == set(scores)
    assert len({prediction.prediction_id for prediction in predictions}) == len(predictions)
    for prediction in predictions:
        assert prediction.score == scores[prediction.entity]["score"]
        assert (prediction.band, prediction.action) == (
            scores[prediction.entity]["band"],
            scores[prediction.entity]["action"],
        )
        assert bool(prediction.reasons) == (prediction.band == "hot")
        where = f"tiny-batch-{RUN}-1-0-{prediction.source.offset}-v1"
        assert (prediction.prediction_id, prediction.source.topic) == (where, "tiny.events")
        assert prediction.scored_at == datetime.fromtimestamp(1_795_275_000, UTC)


def test_the_list_has_the_highest_risk_first_and_nobody_of_the_control_group(
    states: DataFrame, scorer: StateScorer, tmp_path: Path
) -> None:
    scores = scores_of(states, scorer)
    listed = retention_list(scores, states, task_of(scorer), size=10)
    hot = contactable(scores, SCENARIO).collect()
    expected = sorted(hot, key=lambda row: (-row["score"], row["entity"]))[:10]
    assert [entry.entity for entry in listed] == [row["entity"] for row in expected]
    assert all(entry.reasons and entry.action != "none" for entry in listed)
    files = write_list(listed, tmp_path / "lists", run=RUN)
    assert [path.name for path in files] == [f"retention-{RUN}.csv", f"retention-{RUN}.parquet"]
    with files[0].open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["entity"] for row in rows] == pq.read_table(files[1])["entity"].to_pylist()
    assert [float(row["score"]) for row in rows] == [entry.score for entry in listed]
    with pytest.raises(FileExistsError):
        write_list(listed, tmp_path / "lists", run=RUN)


def test_the_list_leaves_out_the_control_group(spark: SparkSession) -> None:
    rows = [("a", 0.9, "inspect", True), ("b", 0.8, "inspect", False), ("c", 0.7, "none", False)]
    schema = "entity string, score double, action string, control_group boolean"
    rows_to_contact = contactable(spark.createDataFrame(rows, schema), SCENARIO).collect()
    assert [row["entity"] for row in rows_to_contact] == ["b"]
