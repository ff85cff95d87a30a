"""Versions of the tiny model for the gates: rows of a snapshot, models good and bad, bounds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from batch.compare.comparison import Rows, Side
from batch.training_sets.training_set import TrainingSet, part_counts
from lifecycle.gates.gate import Bounds, Gate
from lifecycle.gates.run import all_gates
from lifecycle.reading import ChampionRead, evidence_of
from models.card import ModelCard
from models.formats.artifact import save_artifact
from models.registry.probe import PROBE_FILE, save_probe
from models.registry.versions import TrainedVersion
from models.training.fitting import reproducible_fitting
from models.training.recipes import TreeParameters, calibrated_trees
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_snapshot import tiny_record
from tests.support.tiny_versions import tiny_card

NAMES = SCENARIO.feature_names
TEMPERATURE, MODE, PARTS = (NAMES.index(name) for name in ("temperature_c", "mode", "parts"))
ROWS = 3_000

BOUNDS = Bounds(
    minimum_auroc=0.6,
    minimum_lift=1.2,
    maximum_auroc=0.995,
    maximum_loss=0.02,
    maximum_calibration_error=0.1,
    minimum_recall=0.0,
    minimum_spread=0.001,
    slice_minimum_auroc=0.55,
    slice_minimum_rows=100,
    slice_minimum_per_class=10,
    maximum_latency_us=5_000.0,
    minimum_reason_agreement=0.8,
    bootstrap_rounds=200,
    slices={"mode": (), "parts": (5.0, 10.0)},
)


def life_rows(*, seed: int = 1, rows: int = ROWS) -> TrainingSet:
    """Hot machines fail, more often than not; two fifths of the machines are held out."""
    random = np.random.default_rng(seed)
    features = random.normal(60.0, 10.0, (rows, len(NAMES)))
    features[:, NAMES.index("readings")] = random.integers(0, 50, rows)
    features[:, MODE] = random.integers(0, 3, rows)
    features[:, PARTS] = random.integers(0, 20, rows)
    features[:, NAMES.index("heat")] = np.abs(features[:, NAMES.index("heat")])
    features[random.random(rows) < 0.05, PARTS] = np.nan
    outcomes = (features[:, TEMPERATURE] + random.normal(0, 8, rows) > 66).astype(np.int64)
    is_test = np.arange(rows) % 5 < 2
    return TrainingSet(
        entities=[f"m{number:05d}" for number in range(rows)],
        outcomes=outcomes,
        features=features,
        is_test=is_test,
        counts=part_counts(outcomes, is_test),
    )


@dataclass(frozen=True)
class LifeVersion:
    """A version in a folder, as the gates read it."""

    side: Side

    def gates(
        self, *, champion: "LifeVersion | None" = None, bounds: Bounds = BOUNDS
    ) -> dict[str, Gate]:
        """All gates by name."""
        read = ChampionRead(side=champion.side) if champion is not None else ChampionRead()
        evidence = evidence_of(self.side, read, SCENARIO, cache_dir=Path("unused"))
        return {gate.name: gate for gate in all_gates(evidence, SCENARIO, bounds, tolerance=0.0)}

    def failed(self, *, champion: "LifeVersion | None" = None, bounds: Bounds = BOUNDS) -> set[str]:
        """Names of the gates that fail."""
        gates = self.gates(champion=champion, bounds=bounds)
        return {name for name, gate in gates.items() if gate.outcome == "failed"}


def few_trees(seed: int, *, depth: int = 2) -> Any:
    """The scenario's kind of estimator, quick to train."""
    parameters = TreeParameters(
        trees=40, learning_rate=0.2, depth=depth, leaves=2**depth, rows_per_leaf=30
    )
    return calibrated_trees(seed, parameters=parameters)


def life_version(
    folder: Path,
    rows: TrainingSet,
    *,
    version: int = 1,
    trained_on: Callable[[TrainingSet], tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]
    | None = None,
    estimator: Any = None,
    measured_on: TrainingSet | None = None,
    card: Callable[[ModelCard], ModelCard] = lambda card: card,
) -> LifeVersion:
    """Train on `rows` (or what `trained_on` makes of them) and store model, card and probe.

    estimator: instead of the scenario's; measured_on: what the gates get to see as the snapshot
    """
    train = ~rows.is_test
    features, outcomes = (
        (rows.features[train], rows.outcomes[train]) if trained_on is None else trained_on(rows)
    )
    with reproducible_fitting():
        model = (estimator if estimator is not None else few_trees(version)).fit(features, outcomes)
    seen = measured_on if measured_on is not None else rows
    record = tiny_record(str(folder / "snapshot"), number=1, rows=len(seen.entities))
    stored_card = card(
        replace(tiny_card(seen, record, seed=version), metrics={"cv_auroc_mean": 0.9})
    )
    sha256 = save_artifact(folder / "everscore", model, stored_card)
    test = seen.features[seen.is_test]
    save_probe(folder / "probe" / PROBE_FILE, test, model.predict_proba(test)[:, 1])
    registered = TrainedVersion(
        name="everscore-tiny",
        version=f"{version}",
        run_id=f"run-{version}",
        artifact_uri=str(folder / "everscore"),
        sha256=sha256,
        created_at=stored_card.created_at,
        params={},
        metrics={},
        tags={},
    )
    side = Side(
        registered=registered,
        card=stored_card,
        rows=Rows(record=record, version=0, training_set=seen),
    )
    return LifeVersion(side)
