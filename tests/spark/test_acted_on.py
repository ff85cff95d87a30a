"""Training rows of customers that were acted on: kept, refused, of the control group, weighted."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pyspark.sql import SparkSession

from batch.records.limits import EventLimits
from batch.training_sets.acted_on import ActedOn, Acts, NoControlGroup, UnknownRule, rule_named
from batch.training_sets.build import Build, rows_and_counts, sources, write_snapshot
from batch.training_sets.rows import TrainingOptions
from batch.training_sets.snapshots import SnapshotRecord, load_training_set
from batch.training_sets.training_set import TrainingSet
from scenarios.contract.scenario import Scenario
from scenarios.contract.shares import is_in_share
from stores.delta.tables import DeltaPlace
from tests.scenarios.tiny import SCENARIO
from tests.support.archives import Row, place_in, write_archive

LIMITS = EventLimits(max_event_bytes=100_000, max_future_skew_seconds=300)
DAY = 86_400.0
START = 1_767_225_600.0
CONTROLLED = replace(SCENARIO, policy=replace(SCENARIO.policy, control_share=0.25))
MACHINES = [f"m{number}" for number in range(16)]
CONTROL = {name for name in MACHINES if is_in_share(name, 0.25, salt="tiny:control")}
# Of those with an odd number the logged band asks for an action.
HOT = {name for name in MACHINES if int(name[1:]) % 2}
ACTED_ON = {"m1", "m2"} - CONTROL


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def row(document: dict[str, Any], offset: int, *, arrived: float) -> Row:
    key = (document.get("machine") or document.get("entity") or "").encode()
    return key, json.dumps(document).encode(), 0, offset, moment(arrived), 1


def event(machine: str) -> dict[str, Any]:
    return {
        "type": "reading",
        "machine": machine,
        "event_time": moment(START).isoformat(),
        "temperature_c": 20.0 + int(machine[1:]),
        "mode": "normal",
    }


def label(machine: str) -> dict[str, Any]:
    at = moment(START + 10 * DAY).isoformat()
    outcome = "failed" if machine in HOT else "fine"
    return {"type": "outcome", "machine": machine, "event_time": at, "outcome": outcome}


def act(machine: str, offset: int, *, day: float, status: str = "shown") -> dict[str, Any]:
    return {
        "type": "outcome",
        "entity": machine,
        "event_time": moment(START + day * DAY).isoformat(),
        "prediction_id": f"tiny-1-0-{offset}-v1",
        "status": status,
        "reason": "no time",
    }


def prediction(machine: str, offset: int) -> dict[str, Any]:
    """A logged prediction; scores and reasons do not matter here."""
    now = moment(START).isoformat()
    return {
        "prediction_id": f"tiny-1-0-{offset}-v1",
        "entity": machine,
        "score": 0.7 if machine in HOT else 0.2,
        "band": "hot" if machine in HOT else "ok",
        "reasons": [],
        "action": "none",
        "review": False,
        "control_group": machine in CONTROL,
        "scored_at": now,
        "event_time": now,
        "features_as_of": now,
        "valid_until": now,
        "model": {"name": "tiny", "version": "1"},
        "source": {"topic": "tiny.events", "partition": 0, "offset": offset},
        "features": [None] * 8,
        "feature_definitions": "x",
        "policy_version": "y",
        "thresholds": {"ok": 0.0, "hot": 0.5},
    }


@pytest.fixture(scope="module")
def places(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DeltaPlace, DeltaPlace]:
    """An archive without outcomes, and the same one with."""
    assert len(CONTROL & HOT) > 0
    assert len(ACTED_ON) > 0
    written = []
    for name in ("without", "with"):
        place = place_in(tmp_path_factory.mktemp(name), scenario="tiny")
        numbered = list(enumerate(MACHINES))
        rows = [row(event(machine), at, arrived=START) for at, machine in numbered]
        write_archive(spark, place, "events", rows)
        labels = [row(label(m), at, arrived=START + 10 * DAY) for at, m in numbered]
        write_archive(spark, place, "labels", labels)
        logged = [row(prediction(m, at), at, arrived=START + 1) for at, m in numbered]
        write_archive(spark, place, "predictions", logged)
        if name == "with":
            acts = [act(m, int(m[1:]), day=5, status="refused") for m in sorted(ACTED_ON)]
            acts += [act("m8", 8, day=-1), act("m9", 9, day=11)]  # before and after: not acted on
            broken = {**act("m10", 10, day=5), "status": "maybe"}
            posted = [row(a, at, arrived=START + 12 * DAY) for at, a in enumerate([*acts, broken])]
            write_archive(spark, place, "outcomes", posted)
        written.append(place)
    return written[0], written[1]


def build(rule: ActedOn | None, scenario: Scenario = CONTROLLED) -> Build:
    options = TrainingOptions(limits=LIMITS, as_of_ms=int((START + 20 * DAY) * 1000))
    return Build(
        scenario=scenario,
        options=options,
        created_at=moment(START + 21 * DAY),
        git_commit="abc",
        acted_on=rule,
    )


def snapshot(
    spark: SparkSession, place: DeltaPlace, of: Build
) -> tuple[SnapshotRecord, TrainingSet]:
    archive = sources(spark, place, as_of_ms=of.options.as_of_ms)
    rows, counts = rows_and_counts(archive, of, progress=lambda _: None)
    record, _ = write_snapshot(
        spark, place, of, archive, rows=rows, counts=counts, progress=lambda _: None
    )
    return record, load_training_set(spark, record)


def test_rows_that_were_acted_on_are_refused_by_default_and_counted(
    spark: SparkSession, places: tuple[DeltaPlace, DeltaPlace]
) -> None:
    record, rows = snapshot(spark, places[1], build(None))
    assert record.acted_on == "refuse"
    assert set(rows.entities) == set(MACHINES) - ACTED_ON
    assert record.counts["rows_acted_on"] == len(ACTED_ON)
    assert record.counts["rows_left_out_as_acted_on"] == len(ACTED_ON)
    assert rows.weights is None


def test_without_outcomes_rows_digest_and_counts_are_as_ever(
    spark: SparkSession, places: tuple[DeltaPlace, DeltaPlace]
) -> None:
    without, rows = snapshot(spark, places[0], build(None))
    with_outcomes, other_rows = snapshot(spark, places[1], build("keep"))
    assert (without.acted_on, with_outcomes.acted_on) == ("keep", "keep")
    assert set(rows.entities) == set(MACHINES)
    assert rows.digest == other_rows.digest
    assert not [name for name in without.counts if "acted_on" in name or "control" in name]
    assert with_outcomes.counts["rows_acted_on"] == len(ACTED_ON)
    assert with_outcomes.counts["rows_left_out_as_acted_on"] == 0


def test_the_control_group_alone_teaches_when_that_is_declared(
    spark: SparkSession, places: tuple[DeltaPlace, DeltaPlace]
) -> None:
    record, rows = snapshot(spark, places[1], build("control"))
    assert set(rows.entities) == CONTROL
    assert record.counts["rows_of_control_group"] == len(CONTROL)


def test_in_bands_that_ask_for_an_action_the_control_group_stands_for_all(
    spark: SparkSession, places: tuple[DeltaPlace, DeltaPlace]
) -> None:
    record, rows = snapshot(spark, places[1], build("weight"))
    assert rows.weights is not None
    weights = dict(zip(rows.entities, rows.weights.tolist(), strict=True))
    expected = dict.fromkeys(CONTROL & HOT, 4.0)
    expected |= dict.fromkeys(set(MACHINES) - HOT - ACTED_ON, 1.0)
    assert weights == expected
    assert record.rows_digest == rows.digest != replace(rows, weights=None).digest


def test_a_rule_that_needs_a_control_group_is_refused_without_one(
    spark: SparkSession, places: tuple[DeltaPlace, DeltaPlace]
) -> None:
    acts = Acts(spark, places[1], as_of_ms=int((START + 20 * DAY) * 1000))
    assert acts.rule(SCENARIO, None) == "keep"  # no control group: as it always was
    assert Acts(spark, places[1], as_of_ms=int(START * 1000)).rule(CONTROLLED, None) == "keep"
    for rule in ("control", "weight"):
        with pytest.raises(NoControlGroup, match="no control group"):
            acts.rule(SCENARIO, rule_named(rule))
    assert rule_named("") is rule_named(None) is None
    with pytest.raises(UnknownRule, match=r"'drop'.*keep, refuse, control, weight"):
        rule_named("drop")


def test_a_record_of_before_the_rules_can_be_read() -> None:
    text = (
        b'{"scenario":"tiny","number":1,"path":"p","as_of":"t","events_version":0,'
        b'"labels_version":0,"definitions_digest":"d","feature_names":["a"],"test_fraction":0.2,'
        b'"rows":1,"rows_digest":"r","counts":{},"created_at":"t","git_commit":"c","version":0}'
    )
    assert msgspec.json.decode(text, type=SnapshotRecord).acted_on == "keep"
