"""Readings of the tiny scenario through the scoring pass in this process, over tables in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec
import numpy as np

from features.events.decode import Records
from models.scoring_model import ScoringModel
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import HBaseStore
from stores.hbase.states import Marker
from stores.records.deployments import ModelPointer
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.recent.states import SharedMemory
from streaming.recent.table import RememberedTable
from streaming.scoring.models_in_use import InUse, ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_archive import MemoryTable, OneModel
from tests.support.tiny_model import reading, tiny_deployment

COUNT, MACHINES = 120, 9
MODES = ("normal", "boost")
ARRIVED_MS = 1_800_000_000_000


@dataclass
class RowTable(MemoryTable):
    """Also the latest rows."""

    rows: dict[str, bytes] = field(default_factory=dict)

    def write(
        self, entities: Sequence[str], states: Sequence[bytes], rows: Any, *, position: int
    ) -> None:
        """Store states and rows."""
        super().write(entities, states, rows, position=position)
        pairs = zip(entities, rows, strict=True)
        self.rows |= {entity: bytes(row) for entity, row in pairs if row is not None}


@dataclass
class Outcome:
    """What came of the events: message by offset, states, rows, markers.

    reviews: the messages of tiny.review by offset
    """

    messages: dict[int, dict[str, Any]]
    table: RowTable
    reviews: dict[int, bytes]

    def offsets(self, topic: str) -> list[int]:
        """Those whose message went to `topic`."""
        return [at for at, row in sorted(self.messages.items()) if row["topic"] == topic]

    @property
    def marker(self) -> Marker:
        """The newest one."""
        newest: Marker = self.table.markers[0][-1][1]
        return newest

    @property
    def states(self) -> dict[str, bytes]:
        """The newest of each machine."""
        return {entity: cells[-1][1] for entity, cells in self.table.states.items()}


def temperature(offset: int) -> float:
    """The reading at `offset`."""
    return offset * 37 % 160


def events(begin: int, end: int) -> Batch:
    """Readings from offset `begin` up to `end`."""
    offsets = range(begin, end)
    names = [f"machine {offset % MACHINES}" for offset in offsets]
    values: list[bytes | None] = [
        reading(name, seconds=at * 60, temperature_c=temperature(at), mode=MODES[at % 2])
        for at, name in zip(offsets, names, strict=True)
    ]
    keys: list[bytes | None] = [name.encode() for name in names]
    return Batch(Records(keys, values, np.array(offsets), np.full(len(names), ARRIVED_MS)), 0)


def tiny_settings(*, state_bytes: int = 1 << 30) -> PassSettings:
    """Those of a pass over tables in memory: epoch 1, partition 0 from its first offset."""
    return PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=HBaseStore("nowhere", 1),
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=0,
        state_bytes=state_bytes,
    )


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Versions on trial beside the champion."""

    challenger: ScoringModel | None = None
    challenger_share: float = 0.0
    shadow: ScoringModel | None = None
    shadow_share: float = 0.0
    experiment: str = ""


NOTHING_BESIDE = Beside()


def played(
    model: ScoringModel,
    cuts: Sequence[int],
    *,
    state_bytes: int = 1 << 30,
    memory: SharedMemory | None = None,
    beside: Beside = NOTHING_BESIDE,
    scenario: Scenario = SCENARIO,
) -> Outcome:
    """All events through the pass, in batches that end at `cuts`.

    memory: caches recent states, as in a worker; beside: what is compared with `model`.
    """
    pointer = ModelPointer(name=model.name, version="1", artifact_uri="", sha256="")
    deployment = replace(
        tiny_deployment(pointer),
        challenger_share=beside.challenger_share,
        shadow_share=beside.shadow_share,
        experiment=beside.experiment,
    )
    use = InUse(deployment, model, beside.challenger, beside.shadow)
    settings = tiny_settings(state_bytes=state_bytes)
    table = RowTable()
    pass_table = RememberedTable(table, settings, memory) if memory else table
    models = cast(ModelsInUse, OneModel(use))
    scoring = ScoringPass(settings, scenario, pass_table, models, SecondEntityReader(scenario, []))
    messages: dict[int, dict[str, Any]] = {}
    reviews: dict[int, bytes] = {}
    for begin, end in zip([0, *cuts], cuts, strict=False):
        for row in scoring.process(events(begin, end)).to_pylist():
            if row["topic"] == "tiny.review":
                reviews[offset_of(row)] = row["value"]
            else:
                messages[offset_of(row)] = row
    return Outcome(messages, table, reviews)


def offset_of(row: dict[str, Any]) -> int:
    """The offset of the event that a message is about."""
    if row["headers"]:
        return int(headers_of(row)["source_offset"])
    return int(msgspec.json.decode(row["value"])["source"]["offset"])


def headers_of(row: dict[str, Any]) -> dict[str, str]:
    """Name → text."""
    return {header["key"]: header["value"].decode() for header in row["headers"]}
