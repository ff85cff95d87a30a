"""An archive of the tiny scenario, written by the real scoring pass over states in memory.

Two partitions, three epochs: the second begins in the middle of the first one's topic (as after a
rebuild) and scores some offsets that the archive still assigns to the first; the third belongs to a
recreated topic.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from pyspark.sql import SparkSession

from features.events.decode import Records
from features.events.partitioners import CUSTOM, MURMUR2
from models.formats.artifact import load_artifact
from models.scoring_model import ScoringModel
from scenarios.contract.judge import Effort
from stores.delta.tables import DeltaPlace, write_new_table
from stores.hbase.connection import HBaseStore
from stores.hbase.states import Marker, StateTable
from stores.records.deployments import ModelPointer
from stores.records.epochs import EpochStart
from stores.records.homes import Homes, HomeTable
from streaming.archive.source import COLUMNS
from streaming.passes.batches import Batch
from streaming.passes.homes import ClaimedHomes
from streaming.passes.settings import PassSettings
from streaming.scoring.models_in_use import InUse, ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.homes import home_of
from tests.support.tiny_model import save_tiny_model, tiny_deployment

BEGAN = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)  # so that some events arrive on the next day
SECONDS_APART = 30
OLD_TOPIC, NEW_TOPIC = "topic-a", "topic-b"
EPOCH_2_IS_ARCHIVED_FROM, EPOCH_2_IS_SCORED_FROM = 60, 50
OLD_TOPIC_ENDS, NEW_TOPIC_ENDS = 90, 40


@dataclass
class MemoryHomes:
    """Homes in memory with the methods of a `HomeTable` that `ClaimedHomes` calls."""

    scenario: str = "tiny"
    homes: dict[tuple[int, str], int] = field(default_factory=dict)

    def read(self, entities: Sequence[str], *, epoch: int) -> Homes:
        """The home of each entity, -1 where there is none."""
        return np.array(
            [self.homes.get((epoch, entity), -1) for entity in entities], dtype=np.int64
        )

    def claim(self, entities: Sequence[str], wanted: Homes, *, epoch: int) -> Homes:
        """Store `wanted` where there is none, and return the homes that hold."""
        for entity, home in zip(entities, wanted.tolist(), strict=True):
            self.homes.setdefault((epoch, entity), home)
        return self.read(entities, epoch=epoch)


@dataclass
class MemoryTable:
    """States in memory with the methods of a `StateTable` that `ScoringPass` calls."""

    states: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    markers: dict[int, list[tuple[int, Marker]]] = field(default_factory=dict)

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """Newest states and marker older than `position`."""
        states = [_newest(self.states.get(entity, []), position) for entity in entities]
        return states, _newest(self.markers.get(partition, []), position)

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """Newest states of all."""
        return [_newest(self.states.get(entity, []), 1 << 62) for entity in entities]

    def write(
        self, entities: Sequence[str], states: Sequence[bytes], rows: object, *, position: int
    ) -> None:
        """Store the states; nobody reads rows."""
        for entity, state in zip(entities, states, strict=True):
            self.states.setdefault(entity, []).append((position, state))

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """Store the marker."""
        self.markers.setdefault(marker.partition, []).append((position, marker))


def _newest(cells: Sequence[tuple[int, Any]], position: int) -> Any:
    older = [cell for cell in cells if cell[0] < position]
    return max(older, key=lambda cell: cell[0])[1] if older else None


@dataclass(frozen=True)
class OneModel:
    """One model for all batches, without a store to read it from."""

    use: InUse
    failure: str = ""
    efforts: list[Effort] = field(default_factory=list)

    def current(self) -> InUse:
        """Always the same."""
        return self.use

    def note(self, efforts: Sequence[Effort]) -> None:
        """Nothing is withdrawn."""
        self.efforts.extend(efforts)


@dataclass(frozen=True)
class StoredModels:
    """Version → model from its folder; a picklable `ModelLoader`."""

    pointers: Mapping[str, ModelPointer]

    def __call__(self, version: str) -> ScoringModel:
        """The model of `version`."""
        pointer = self.pointers[version]
        return load_artifact(
            Path(pointer.artifact_uri),
            name=pointer.name,
            version=pointer.version,
            sha256=pointer.sha256,
            available_features=SCENARIO.plan.feature_names,
        )


@dataclass(frozen=True)
class Row:
    """A row of an archive table."""

    topic: str
    topic_id: str
    partition: int
    offset: int
    epoch: int
    time: datetime
    key: bytes | None
    value: bytes | None
    headers: Sequence[Mapping[str, Any]] | None = None


@dataclass
class TinyArchive:
    """Rows of the archive tables; tests plant faults among them before they are written."""

    models: StoredModels
    partitioner: str = MURMUR2
    table: MemoryTable = field(default_factory=MemoryTable)
    events: list[Row] = field(default_factory=list)
    predictions: list[Row] = field(default_factory=list)
    dead_letters: list[Row] = field(default_factory=list)
    labels: list[Row] = field(default_factory=list)

    def write(self, spark: SparkSession, root: Path) -> DeltaPlace:
        """Write the tables and return where they are."""
        place = DeltaPlace(root=str(root), scenario="tiny", retention_days=30)
        kinds = {
            "events": self.events,
            "predictions": self.predictions,
            "dead-letter": self.dead_letters,
        }
        if self.labels:
            kinds["labels"] = self.labels
        for kind, rows in kinds.items():
            frame = spark.createDataFrame([_columns(row) for row in rows], COLUMNS)
            write_new_table(frame.coalesce(1), place.path(kind), place=place, note="")
        return place

    @property
    def starts(self) -> tuple[EpochStart, ...]:
        """Its epochs, newest first."""
        begins = (NEW_TOPIC, 0), (OLD_TOPIC, EPOCH_2_IS_SCORED_FROM), (OLD_TOPIC, 0)
        return tuple(
            EpochStart(
                epoch=3 - number,
                topic_id=topic_id,
                first_offsets={0: first, 1: first},
                partitioner=self.partitioner,
            )
            for number, (topic_id, first) in enumerate(begins)
        )

    def document(self, number: int) -> dict[str, Any]:
        """The document of prediction message `number`."""
        return cast(dict[str, Any], msgspec.json.decode(self.predictions[number].value or b""))

    def scored(self) -> list[int]:
        """Numbers of the messages that are predictions, not suppressed events."""
        return [at for at in range(len(self.predictions)) if "prediction_id" in self.document(at)]

    def replace(self, number: int, **changes: Any) -> None:
        """Change fields of prediction message `number`."""
        value = msgspec.json.encode({**self.document(number), **changes})
        self.predictions[number] = replace(self.predictions[number], value=value)


def tiny_archive(
    folder: Path,
    *,
    seed: int = 7,
    partitioner: str = MURMUR2,
    foreign_share: float = 0.0,
    experiment: str = "",
) -> TinyArchive:
    """About 260 events of 12 machines and all messages about them; the model goes to `folder`.

    foreign_share: the share of events in the partition that is not their machine's; experiment:
    with a challenger (version 2) for 40 % of the machines and a shadow (3) for half of the events.
    """
    pointer = save_tiny_model(folder)
    archive = TinyArchive(StoredModels({pointer.version: pointer}), partitioner)
    random_ = random.Random(seed)
    use = InUse(tiny_deployment(pointer), archive.models(pointer.version), None)
    if experiment:
        others = [save_tiny_model(folder / f"{seed}", seed=seed) for seed in (2, 3)]
        pointers = {stored.version: stored for stored in (pointer, *others)}
        archive.models = StoredModels(pointers)
        deployment = replace(
            use.deployment, challenger_share=0.4, shadow_share=0.5, experiment=experiment
        )
        use = InUse(deployment, use.champion, archive.models("2"), archive.models("3"))
    machines = _machines(MURMUR2 if partitioner == CUSTOM else partitioner)
    old = _events(OLD_TOPIC, OLD_TOPIC_ENDS, BEGAN, random_, machines, foreign_share)
    later = BEGAN + timedelta(seconds=SECONDS_APART * OLD_TOPIC_ENDS)
    new = _events(NEW_TOPIC, NEW_TOPIC_ENDS, later, random_, machines, foreign_share)
    archive.events += [replace(row, epoch=_archived_epoch(row)) for row in (*old, *new)]
    begin = EPOCH_2_IS_SCORED_FROM
    _score(archive, use, [row for row in old if row.offset < begin], epoch=1)
    _score(archive, use, [row for row in old if row.offset >= begin], epoch=2)
    _score(archive, use, new, epoch=3)
    return archive


def _archived_epoch(row: Row) -> int:
    if row.topic_id == NEW_TOPIC:
        return 3
    return 2 if row.offset >= EPOCH_2_IS_ARCHIVED_FROM else 1


def _machines(partitioner: str) -> Mapping[int, list[str]]:
    """Partition → the machines whose home it is."""
    machines: dict[int, list[str]] = {0: [], 1: []}
    for number in range(12):
        machines[home_of(f"m{number}", partitioner=partitioner)].append(f"m{number}")
    return machines


def _events(
    topic_id: str,
    count: int,
    began: datetime,
    random_: random.Random,
    machines: Mapping[int, list[str]],
    foreign_share: float,
) -> list[Row]:
    rows = []
    for partition, names in machines.items():
        for offset in range(count):
            at = began + timedelta(seconds=SECONDS_APART * offset, milliseconds=partition)
            is_foreign = foreign_share > 0 and random_.random() < foreign_share
            machine = random_.choice(machines[1 - partition] if is_foreign else names)
            value = _event(machine, at - timedelta(seconds=random_.randint(1, 900)), random_)
            place = ("tiny.events", topic_id, partition, offset, 0, at)
            rows.append(Row(*place, machine.encode(), value))
    return rows


def _event(machine: str, at: datetime, random_: random.Random) -> bytes:
    event: dict[str, object] = {"machine": machine, "event_time": at.isoformat()}
    if random_.random() < 0.2:
        event |= {"type": "repair", "parts": random_.randint(0, 20)}
    else:
        mode, heat = random_.choice(["idle", "normal", "boost"]), random_.gauss(75.0, 35.0)
        event |= {"type": "reading", "temperature_c": max(heat, -50.0), "mode": mode}
    encoded = msgspec.json.encode(event)
    return encoded[:-1] if random_.random() < 0.05 else encoded


def _score(archive: TinyArchive, use: InUse, rows: Sequence[Row], *, epoch: int) -> None:
    first = {p: min(row.offset for row in rows if row.partition == p) for p in (0, 1)}
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=HBaseStore("nowhere", 1),
        epoch=epoch,
        first_offsets=first,
        partitioner=archive.partitioner,
        max_event_bytes=1_048_576,
        max_future_skew_seconds=300,
        retry_seconds=0,
    )
    table = cast(StateTable, archive.table)
    homes = ClaimedHomes(cast(HomeTable, MemoryHomes()), table, SCENARIO.codec, epoch=epoch)
    scoring = ScoringPass(
        settings,
        SCENARIO,
        table,
        cast(ModelsInUse, OneModel(use)),
        SecondEntityReader(SCENARIO, []),
        homes=homes,
    )
    rows_by_partition = {p: [row for row in rows if row.partition == p] for p in (0, 1)}
    for begin in range(0, len(rows_by_partition[0]), 17):
        # By turns, so that with `custom` both partitions have machines that are theirs.
        for partition in (1, 0) if begin % 2 else (0, 1):
            part = rows_by_partition[partition][begin : begin + 17]
            messages = scoring.process(Batch(_records(part), partition)).to_pylist()
            _add_messages(
                archive, messages, epoch=epoch, at=part[-1].time + timedelta(milliseconds=300)
            )


def _add_messages(
    archive: TinyArchive, messages: Sequence[Mapping[str, Any]], *, epoch: int, at: datetime
) -> None:
    rows_by_topic = {
        "tiny.predictions": archive.predictions,
        "tiny.dead-letter": archive.dead_letters,
    }
    for message in messages:
        rows = rows_by_topic.get(message["topic"])
        if rows is not None:
            place = (message["topic"], "topic-out", 0, len(rows), epoch, at)
            rows.append(Row(*place, message["key"], message["value"], message["headers"]))


def _records(rows: Sequence[Row]) -> Records:
    return Records(
        keys=[row.key for row in rows],
        values=[row.value for row in rows],
        offsets=np.array([row.offset for row in rows]),
        timestamps_ms=np.array([round(row.time.timestamp() * 1000) for row in rows]),
    )


def _columns(row: Row) -> tuple[Any, ...]:
    place = (row.topic, row.topic_id, row.partition, row.offset, row.epoch)
    content = (row.key, row.value, row.headers)
    return (
        *place,
        row.time,
        row.time + timedelta(seconds=9),
        *content,
        1,
        row.time.date(),
        None,
        None,
    )
