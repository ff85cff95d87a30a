"""Score-now and event posting of the tiny scenario over stores in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from kafka.future import Future

from models.fast.quick_scores import quick_scores
from models.formats.artifact import load_artifact
from models.registry.versions import NoSuchVersion
from models.scoring_model import ScoringModel
from scenarios.contract.scenario import Scenario
from serving.access.capacity import Capacity
from serving.access.roles import Principal, Role
from serving.inference.mlflow_routes import router as mlflow_routes
from serving.inference.open_inference_routes import router as open_inference_routes
from serving.problems import add_problem_handlers
from serving.rows.view import RowView, row_view
from serving.scoring.event_posting import EventPosting, ProducerInUse
from serving.scoring.routes import router as scoring_routes
from serving.scoring.score_now import ScoreNow
from serving.scoring.stored_states import StoredStates
from serving.scoring.versions import CurrentModels, Versions
from stores.hbase.states import Marker
from stores.records.deployments import ModelPointer
from stores.records.epochs import EpochRecord
from stores.records.homes import UNKNOWN
from streaming.position.staleness import StreamLag
from streaming.scoring.models_in_use import InUse
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import one_thread
from tests.support.tiny_archive import MemoryTable, OneModel
from tests.support.tiny_model import save_tiny_model, tiny_deployment
from tests.support.tiny_pass import RowTable
from tests.unit.churn.test_publishing import FakeProducer

LIMITS: dict[str, Any] = {"max_event_bytes": 10_000, "max_future_skew_seconds": 300}


@cache
def loaded_model(seed: int = 1) -> ScoringModel:
    """A trained tiny model as a worker loads it; its version is the seed."""
    with TemporaryDirectory() as place, one_thread():
        folder = Path(place) / str(seed)
        pointer = save_tiny_model(folder, seed=seed)
        model = load_artifact(
            folder,
            name=pointer.name,
            version=pointer.version,
            sha256=pointer.sha256,
            available_features=SCENARIO.feature_names,
        )
    return replace(model, quick=quick_scores(model))


@dataclass(frozen=True)
class MemoryStates:
    """States of the pass's table in memory, opened as those in HBase are."""

    table: MemoryTable
    scenario: Scenario = SCENARIO
    second: Sequence[MemoryTable] = ()

    @contextmanager
    def open(self) -> Iterator[StoredStates]:
        """The states."""
        yield StoredStates(self.table, SecondEntityReader(self.scenario, self.second))


def in_use(model: ScoringModel, **deployed: Any) -> InUse:
    """`model` as the champion; `deployed` are fields of the record, such as retired."""
    pointer = ModelPointer(name=model.name, version=model.version, artifact_uri="", sha256="")
    return InUse(replace(tiny_deployment(pointer), **deployed), model, None)


def no_other_version(version: str) -> ScoringModel:
    """A registry without versions."""
    raise NoSuchVersion(f"everscore-tiny has no version {version!r}")


def score_now(
    use: InUse,
    table: MemoryTable,
    *,
    load: Callable[[str], ScoringModel] = no_other_version,
    scenario: Scenario = SCENARIO,
    second: Sequence[MemoryTable] = (),
) -> ScoreNow:
    """Score-now with `use` over the states in `table`."""
    versions = Versions(scenario, CurrentModels(OneModel(use)), load)
    return ScoreNow(scenario, versions, MemoryStates(table, scenario, second), **LIMITS)


class PlacedProducer(FakeProducer):
    """Topics of `partitions` partitions; a sent record's future has its place.

    sent: topic, partition, key and value of each
    """

    def __init__(self, partitions: int = 2) -> None:
        super().__init__()
        self.partitions = partitions
        self.sent: list[tuple[str, int, bytes | None, bytes | None]] = []
        self.failure: Exception | None = None

    def partitions_for(self, topic: str) -> set[int]:
        """Their numbers."""
        return set(range(self.partitions))

    def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, partition: int = 0
    ) -> Any:
        """Give the record the partition's next offset."""
        if self.failure is not None:
            return Future().failure(self.failure)
        offset = sum(1 for place in self.sent if place[:2] == (topic, partition))
        self.sent.append((topic, partition, key, value))
        return Future().success(SimpleNamespace(topic=topic, partition=partition, offset=offset))


@dataclass
class MemoryRecords:
    """What a stream has written of itself, and the latest rows, in memory."""

    stored_epoch: EpochRecord | None = None
    markers: dict[int, Marker] = field(default_factory=dict)
    homes: dict[tuple[int, str], int] = field(default_factory=dict)
    table: RowTable = field(default_factory=RowTable)

    def epoch(self) -> EpochRecord | None:
        """The epoch."""
        return self.stored_epoch

    def home(self, entity: str, epoch: int) -> int:
        """The recorded home."""
        return self.homes.get((epoch, entity), UNKNOWN)

    def marker(self, partition: int) -> Marker | None:
        """The newest marker."""
        return self.markers.get(partition)

    def one(self, entity: str, now: datetime) -> RowView | None:
        """The latest row."""
        document = self.table.rows.get(entity)
        return None if document is None else row_view(document, StreamLag({}, 60.0), now=now)


def tiny_epoch(**fields: Any) -> EpochRecord:
    """Epoch 1 of a topic with two partitions."""
    record = EpochRecord(
        epoch=1,
        topic="tiny.events",
        topic_id="t",
        partitions=2,
        first_offsets={0: 0, 1: 0},
        reason="first start",
        begun_at="2026-01-01T00:00:00+00:00",
        partitioner=SCENARIO.partitioner,
    )
    return EpochRecord(
        **{**{name: getattr(record, name) for name in record.__struct_fields__}, **fields}
    )


def event_posting(records: MemoryRecords, producer: PlacedProducer) -> EventPosting:
    """Event posting over both."""

    @contextmanager
    def opened() -> Iterator[PlacedProducer]:
        yield producer

    return EventPosting(SCENARIO, records, records, ProducerInUse(opened), **LIMITS)


def anybody(request: object) -> Principal:
    """A caller with all roles."""
    return Principal(name="test", roles=frozenset(Role))


@dataclass(frozen=True)
class MemoryLatest:
    """Latest rows in memory, read as `LatestRows` reads those in HBase."""

    records: MemoryRecords

    def many(self, entities: Sequence[str], now: datetime) -> Mapping[str, RowView]:
        """Entity → row."""
        rows = {entity: self.records.one(entity, now) for entity in entities}
        return {entity: row for entity, row in rows.items() if row is not None}


def scoring_app(
    scorer: ScoreNow, records: MemoryRecords, producer: PlacedProducer, *, now_ms: int
) -> FastAPI:
    """A service of all routes that score; everybody may call everything."""
    app = FastAPI()
    app.state.authenticate = anybody
    name = scorer.scenario.name
    scorers, latest = {name: scorer}, {name: MemoryLatest(records)}
    capacity, now = Capacity(8, "scores"), lambda: now_ms
    posting = Capacity(8, "events")
    posters = {name: event_posting(records, producer)}
    app.include_router(
        scoring_routes(scorers, posters, scoring=capacity, posting=posting, now_ms=now)
    )
    app.include_router(open_inference_routes(scorers, latest, capacity, now_ms=now))
    app.include_router(mlflow_routes(scorers, latest, capacity, now_ms=now))
    add_problem_handlers(app)
    return app
