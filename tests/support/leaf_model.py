"""A trained model of the leaves scenario, its events, and its deployment."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np

from features.events.decode import Records
from models.card import ModelCard
from models.formats.artifact import load_artifact, save_artifact
from stores.hbase.attachments import AttachmentPlace
from stores.hbase.connection import HBaseStore
from stores.records.deployments import Deployment, ModelPointer, write_deployment
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.passes.table import PassTable
from streaming.scoring.models_in_use import InUse, ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.leaves import SCENARIO
from tests.support.pictures import data_url, file_of, levels
from tests.support.tiny_archive import OneModel

MODULE = "tests.scenarios.leaves"
ARRIVED_MS = 1_800_000_000_000
_BEGIN = 1_767_225_600  # 2026, in seconds


def save_leaf_model(folder: Path, *, seed: int = 1) -> ModelPointer:
    """Train on made-up figures (bright leaves are sick) and save; version = seed."""
    random = np.random.default_rng(seed)
    names = SCENARIO.plan.feature_names
    rows = random.uniform(0.0, 1.0, size=(500, len(names)))
    is_sick = rows[:, names.index("brightness")] + random.normal(0, 0.1, 500) > 0.5
    card = ModelCard(
        scenario="leaves",
        feature_names=names,
        definitions_digest=SCENARIO.plan.digest,
        seed=seed,
        training_counts={"rows": len(rows)},
        metrics={},
        thresholds=SCENARIO.policy.thresholds(),
        base_rate=float(is_sick.mean()),
        created_at="2026-01-01T00:00:00+00:00",
    )
    sha256 = save_artifact(folder, SCENARIO.estimator(seed).fit(rows, is_sick), card)
    return ModelPointer(
        name="everscore-leaves", version=str(seed), artifact_uri=str(folder), sha256=sha256
    )


def leaf_deployment(pointer: ModelPointer) -> Deployment:
    """The record that makes `pointer` the champion."""
    return Deployment(
        scenario="leaves",
        champion=pointer,
        thresholds=SCENARIO.policy.thresholds(),
        policy_version=SCENARIO.policy.version,
        deployed_at="2026-01-01T00:00:00+00:00",
        deployed_by="test",
    )


def deploy_leaves(store: HBaseStore, champion: ModelPointer) -> None:
    """Point the leaves scenario at `champion`."""
    write_deployment(store, leaf_deployment(champion))


def picture_event(plant: str, number: int, text: str) -> bytes:
    """A picture's JSON, `number` seconds after the start of 2026."""
    moment = datetime.fromtimestamp(_BEGIN + number, UTC).isoformat()
    fields = {"type": "picture", "plant": plant, "event_time": moment}
    return json.dumps({**fields, "number": number, "leaf": text}).encode()


def leaf(seed: int, side: int = 16) -> str:
    """A good picture as an event carries it."""
    return data_url(file_of(levels(side, seed=seed)))


def leaf_batch(first: int, pictures: Sequence[tuple[str, str]]) -> Batch:
    """Events of partition 0 from offset `first` on: plants and what they carry."""
    offsets = range(first, first + len(pictures))
    values: list[bytes | None] = [
        picture_event(plant, at, text) for at, (plant, text) in zip(offsets, pictures, strict=True)
    ]
    keys: list[bytes | None] = [plant.encode() for plant, _ in pictures]
    arrived = np.full(len(values), ARRIVED_MS)
    return Batch(Records(keys, values, np.array(offsets), arrived), 0)


@dataclass(frozen=True)
class LeafPasses:
    """Makes passes of the leaves scenario in this process."""

    pointer: ModelPointer
    settings: PassSettings = field(
        default_factory=lambda: PassSettings(
            scenario="leaves",
            module=MODULE,
            store=HBaseStore("nowhere", 1),
            epoch=1,
            first_offsets={0: 0},
            max_event_bytes=1 << 20,
            max_future_skew_seconds=300,
            retry_seconds=0,
        )
    )

    def over(self, table: PassTable, place: AttachmentPlace) -> ScoringPass:
        """A pass over `table` and the attachments in `place`."""
        pointer = self.pointer
        model = load_artifact(
            Path(pointer.artifact_uri),
            name=pointer.name,
            version=pointer.version,
            sha256=pointer.sha256,
            available_features=SCENARIO.feature_names,
        )
        models = cast(ModelsInUse, OneModel(InUse(leaf_deployment(pointer), model, None, None)))
        second = SecondEntityReader(SCENARIO, [])
        return ScoringPass(self.settings, SCENARIO, table, models, second, attachments=place)
