"""A trained model of the tiny scenario, its events, and its deployment."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from models.card import ModelCard
from models.formats.artifact import save_artifact
from stores.hbase.connection import HBaseStore
from stores.records.deployments import Deployment, ModelPointer, write_deployment
from tests.scenarios.tiny import SCENARIO


def save_tiny_model(folder: Path, *, seed: int = 1) -> ModelPointer:
    """Train on made-up rows (hot machines fail) and save; version = seed."""
    random = np.random.default_rng(seed)
    rows = random.normal(60.0, 40.0, size=(2000, len(SCENARIO.features)))
    rows[:, 1] = random.integers(0, 3, size=2000)
    fails = rows[:, 0] + random.normal(0, 15, size=2000) > 80
    estimator = SCENARIO.estimator(seed).fit(rows, fails)
    card = ModelCard(
        scenario="tiny",
        feature_names=SCENARIO.plan.feature_names,
        definitions_digest=SCENARIO.plan.digest,
        seed=seed,
        training_counts={"rows": 2000},
        metrics={},
        thresholds=SCENARIO.policy.thresholds(),
        base_rate=float(fails.mean()),
        created_at="2026-01-01T00:00:00+00:00",
    )
    sha256 = save_artifact(folder, estimator, card)
    return ModelPointer(
        name="everscore-tiny", version=str(seed), artifact_uri=str(folder), sha256=sha256
    )


def tiny_deployment(pointer: ModelPointer) -> Deployment:
    """The record that makes `pointer` the champion."""
    return Deployment(
        scenario="tiny",
        champion=pointer,
        thresholds=SCENARIO.policy.thresholds(),
        policy_version=SCENARIO.policy.version,
        deployed_at="2026-01-01T00:00:00+00:00",
        deployed_by="test",
    )


def deploy(store: HBaseStore, champion: ModelPointer) -> None:
    """Point the tiny scenario at `champion`."""
    now = datetime.now(UTC).isoformat()
    write_deployment(store, replace(tiny_deployment(champion), deployed_at=now))


def reading(machine: str, *, seconds: float, temperature_c: float, mode: str = "normal") -> bytes:
    """A reading's JSON, `seconds` after the start of 2026."""
    moment = datetime.fromtimestamp(1_767_225_600 + seconds, UTC).isoformat()
    event = {
        "type": "reading",
        "machine": machine,
        "event_time": moment,
        "temperature_c": temperature_c,
        "mode": mode,
    }
    return msgspec.json.encode(event)
