"""An event that cannot be judged is a dead letter after its state was folded; no other changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from features.decode import Records
from models.scoring_model import ScoringModel
from stores.connection import HBaseStore
from stores.deployments import Deployment, ModelPointer
from stores.states import Marker
from streaming.batches import Batch
from streaming.models_in_use import InUse, ModelsInUse
from streaming.scoring_pass import ScoringPass
from streaming.second_entities import SecondEntityReader
from streaming.settings import PassSettings
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import fragile_estimator, load_model, save_model
from tests.support.tiny_archive import MemoryTable, OneModel
from tests.support.tiny_model import reading

COUNT, MACHINES = 120, 9
MODES = ("normal", "boost")
ARRIVED_MS = 1_800_000_000_000


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Trees on two busy cores are twenty times slower with two threads."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module", params=["raise", "nan"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """A stored model that raises for hot machines, or gives them the score NaN."""
    estimator = fragile_estimator(request.param)
    return load_model(save_model(tmp_path_factory.mktemp("model"), estimator, version="1"))


@dataclass
class RowTable(MemoryTable):
    """Also the latest rows."""

    rows: dict[str, bytes] = field(default_factory=dict)

    def write(
        self, entities: Sequence[str], states: Sequence[bytes], rows: Any, *, position: int
    ) -> None:
        super().write(entities, states, rows, position=position)
        pairs = zip(entities, rows, strict=True)
        self.rows |= {entity: bytes(row) for entity, row in pairs if row is not None}


@dataclass
class Outcome:
    """What came of the events: message by offset, states, rows, markers."""

    told: dict[int, dict[str, Any]]
    table: RowTable

    def offsets(self, topic: str) -> list[int]:
        return [at for at, row in sorted(self.told.items()) if row["topic"] == topic]

    @property
    def states(self) -> dict[str, bytes]:
        return {entity: cells[-1][1] for entity, cells in self.table.states.items()}


def temperature(offset: int) -> float:
    return offset * 37 % 160


def events(begin: int, end: int) -> Batch:
    offsets = range(begin, end)
    names = [f"machine {offset % MACHINES}" for offset in offsets]
    values: list[bytes | None] = [
        reading(name, seconds=at * 60, temperature_c=temperature(at), mode=MODES[at % 2])
        for at, name in zip(offsets, names, strict=True)
    ]
    keys: list[bytes | None] = [name.encode() for name in names]
    return Batch(Records(keys, values, np.array(offsets), np.full(len(names), ARRIVED_MS)), 0)


def played(model: ScoringModel, cuts: Sequence[int]) -> Outcome:
    """All events through the pass, in batches that end at `cuts`."""
    pointer = ModelPointer(name=model.name, version="1", artifact_uri="", sha256="")
    deployment = Deployment(
        scenario="tiny",
        champion=pointer,
        thresholds=SCENARIO.policy.thresholds(),
        policy_version=SCENARIO.policy.version,
        deployed_at="2026-01-01T00:00:00+00:00",
        deployed_by="test",
    )
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=HBaseStore("nowhere", 1),
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=0,
    )
    table = RowTable()
    models = cast(ModelsInUse, OneModel(InUse(deployment, model, None)))
    scoring = ScoringPass(settings, SCENARIO, table, models, SecondEntityReader(SCENARIO, []))
    told: dict[int, dict[str, Any]] = {}
    for begin, end in zip([0, *cuts], cuts, strict=False):
        for row in scoring.process(events(begin, end)).to_pylist():
            if row["topic"] != "tiny.review":
                told[offset_of(row)] = row
    return Outcome(told, table)


def offset_of(row: dict[str, Any]) -> int:
    if row["headers"]:
        return int(headers_of(row)["source_offset"])
    return int(msgspec.json.decode(row["value"])["source"]["offset"])


def headers_of(row: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: each["value"].decode() for each in row["headers"]}


def marker(found: Outcome) -> Marker:
    return found.table.markers[0][-1][1]


def test_each_event_has_one_outcome_and_the_neighbours_those_that_they_have_alone(
    model: ScoringModel, capfd: pytest.CaptureFixture[str]
) -> None:
    together = played(model, [COUNT])
    said = capfd.readouterr().err.splitlines()
    alone = played(model, range(1, COUNT + 1))
    halves = played(model, [COUNT // 2 + 7, COUNT])
    assert together.told == alone.told == halves.told
    assert sorted(together.told) == list(range(COUNT))
    dead = together.offsets("tiny.dead-letter")
    assert 3 < len(dead) < COUNT / 2
    assert len([line for line in said if "unscorable" in line]) == 1
    assert f"{len(dead)} of {COUNT} events are dead letters (unscorable)" in "\n".join(said)


def test_the_dead_letter_has_the_original_and_the_cause(model: ScoringModel) -> None:
    found = played(model, [COUNT])
    for offset in found.offsets("tiny.dead-letter"):
        row, headers = found.told[offset], headers_of(found.told[offset])
        assert row["value"] == events(offset, offset + 1).records.values[0]
        assert headers["reason_code"] == "unscorable"
        assert headers["reason"].startswith("model everscore-tiny version 1 ")
        assert "ValueError" in headers["reason"] or "score nan" in headers["reason"]


def test_its_state_was_folded_and_no_row_shows_it(model: ScoringModel) -> None:
    found = played(model, [COUNT])
    assert found.states == played(model, [50, 51, COUNT]).states
    states = SCENARIO.codec.decode(list(found.states.values()))
    assert states.events.sum() == COUNT
    dead = set(found.offsets("tiny.dead-letter"))
    for entity, row in found.table.rows.items():
        scored = [
            at for at in range(COUNT) if f"machine {at % MACHINES}" == entity and at not in dead
        ]
        assert msgspec.json.decode(row)["source"]["offset"] == scored[-1]


def test_later_events_know_of_it(model: ScoringModel) -> None:
    found = played(model, [COUNT])
    column = SCENARIO.feature_names.index("readings")
    for offset in found.offsets("tiny.predictions"):
        features = msgspec.json.decode(found.told[offset]["value"])["features"]
        assert features[column] == offset // MACHINES + 1


def test_the_marker_counts_them_and_names_a_cause(model: ScoringModel) -> None:
    found = played(model, [COUNT])
    dead = found.offsets("tiny.dead-letter")
    last = marker(found)
    assert (last.unscorable, last.dead_letters, last.predictions) == (
        len(dead),
        len(dead),
        COUNT - len(dead),
    )
    assert last.unscorable_cause == headers_of(found.told[dead[0]])["reason"]


def test_a_whole_batch_that_cannot_be_judged_is_told_and_the_stream_goes_on(
    tmp_path: Path, model: ScoringModel
) -> None:
    broken = load_model(save_model(tmp_path, fragile_estimator("raise"), version="1"))
    broken.estimator.calibrated_classifiers_[0].calibrators[0].__dict__.pop("f_")
    found = played(broken, [50, COUNT])
    assert found.offsets("tiny.dead-letter") == list(range(COUNT))
    assert found.states == played(model, [COUNT]).states
    assert marker(found).unscorable == COUNT - 50
    assert "AttributeError" in marker(found).unscorable_cause
