"""What is read for the gates: the version, its snapshot, the champion, and both models."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from batch.compare.compare import held_out_from_both, newer_rows
from batch.compare.comparison import Rows, Side
from batch.compare.reading import present_rows, read_side
from batch.training_sets.snapshots import read_record
from lifecycle.gates.bootstrap import Rows as ResampledRows
from lifecycle.gates.bootstrap import entity_codes
from lifecycle.gates.contract import batch_dependent_rows, latency_us
from lifecycle.gates.data import data_problems
from lifecycle.gates.evidence import AgainstChampion, Evidence, HeldOut
from models.errors import ModelUnusable
from models.fast.quick_scores import quick_scores
from models.registry.tracking import TrackingPlace
from models.registry.versions import NoSuchVersion, load_version, probe_of, read_version
from models.scoring_model import ScoringModel
from scenarios.contract.deployable import check_model
from scenarios.contract.scenario import Scenario
from stores.delta.tables import DeltaPlace, TableAbsent
from stores.records.deployments import Deployment

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ChampionRead:
    """The champion's side; None with a `problem` when it is not known to the registry."""

    side: Side | None = None
    problem: str = ""


def read_candidate(
    spark: SparkSession, version: str, *, registry: TrackingPlace, place: DeltaPlace,
    cache_dir: Path, progress: Progress,
) -> tuple[Side, str]:  # fmt: skip
    """The version with its snapshot's rows, and a note.

    A version that names no snapshot, as one that others trained, is measured on the newest one.
    Raises `NoSuchVersion`, `ModelMissing` or `ModelCorrupt`.
    """
    registered = read_version(registry, place.scenario, version)
    side = read_side(spark, registered, cache_dir=cache_dir, progress=progress)
    if side.rows is not None:
        return side, ""
    try:
        record = read_record(spark, place)
    except TableAbsent:
        return side, "there is no training snapshot to measure it on"
    rows = present_rows(spark, record)
    note = (
        f"the version's own snapshot is not known: it is measured on the held-out part of "
        f"snapshot {record.number}, some of which it may have been trained on"
    )
    return replace(side, rows=rows), note


def read_champion(
    spark: SparkSession, deployment: Deployment | None, *, registry: TrackingPlace,
    cache_dir: Path, progress: Progress, known: Rows | None = None,
) -> ChampionRead:  # fmt: skip
    """The deployed champion with its snapshot's rows; `known` as in `read_side`."""
    if deployment is None:
        return ChampionRead()
    try:
        registered = read_version(registry, deployment.scenario, deployment.champion.version)
        side = read_side(spark, registered, cache_dir=cache_dir, progress=progress, known=known)
    except (NoSuchVersion, ModelUnusable) as error:
        return ChampionRead(problem=f"the champion cannot be compared: {error}")
    return ChampionRead(side=side)


def evidence_of(
    candidate: Side, champion: ChampionRead, scenario: Scenario, *, cache_dir: Path, note: str = ""
) -> Evidence:
    """Load and score; nothing of a version that cannot be used is raised, it is in the evidence."""
    names = scenario.feature_names
    evidence = Evidence(
        version=candidate.registered.version,
        card=candidate.card,
        model=None,
        notes=(note,) if note else (),
    )
    rows = _usable(candidate.rows, scenario)
    if rows is not None:
        training_set = rows.training_set
        problems = data_problems(
            pd.DataFrame(training_set.features, columns=list(names)),
            pd.Series(training_set.outcomes),
            scenario,
        )
        evidence = replace(evidence, data_problems=problems)
    try:
        model = load_version(candidate.registered, available_features=names, cache_dir=cache_dir)
        model = replace(model, quick=quick_scores(model))
        check_model(scenario, model, scenario.policy.thresholds())
    except Exception as error:  # whatever is wrong with it is the gate's finding
        return replace(evidence, problem=f"{type(error).__name__}: {error}")
    evidence = _with_probe(replace(evidence, model=model), candidate, scenario, cache_dir)
    if rows is not None:
        evidence = replace(evidence, held_out=_held_out(rows, model))
    return _with_champion(evidence, candidate, champion, scenario, cache_dir)


def _usable(rows: Rows | None, scenario: Scenario) -> Rows | None:
    """The rows when they have the scenario's columns; the gate on definitions says otherwise."""
    if rows is None or rows.record.feature_names != scenario.feature_names:
        return None
    return rows


def _held_out(rows: Rows, model: ScoringModel) -> HeldOut:
    training_set = rows.training_set
    at = np.flatnonzero(training_set.is_test)
    features = training_set.features[at]
    return HeldOut(
        entities=[training_set.entities[row] for row in at.tolist()],
        outcomes=training_set.outcomes[at],
        features=features,
        scores=model.scores(features),
        source=f"snapshot {rows.record.number}",
    )


def _with_probe(
    evidence: Evidence, candidate: Side, scenario: Scenario, cache_dir: Path
) -> Evidence:
    model = evidence.model
    assert model is not None
    try:
        probe = probe_of(candidate.registered, cache_dir=cache_dir)
    except ModelUnusable:
        return evidence
    rows = np.full((len(probe.features), len(scenario.feature_names)), np.nan)
    # The probe's columns are the card's, and so are the model's.
    rows[:, model.columns] = probe.features
    return replace(
        evidence,
        probe=probe,
        probe_scores=model.scores(rows),
        latency_us=latency_us(model, rows),
        batch_dependent_rows=batch_dependent_rows(model, rows),
    )


def _with_champion(
    evidence: Evidence,
    candidate: Side,
    champion: ChampionRead,
    scenario: Scenario,
    cache_dir: Path,
) -> Evidence:
    side, model = champion.side, evidence.model
    if side is None or model is None:
        return replace(evidence, champion_problem=champion.problem)
    if side.registered.version == candidate.registered.version:
        return evidence
    version = side.registered.version
    if side.card.definitions_digest != scenario.definitions_digest:
        # It cannot score today's events either: there is nothing that could get worse.
        note = f"champion {version} was trained on other feature definitions and is not compared"
        return replace(evidence, notes=(*evidence.notes, note))
    rows = _usable(newer_rows(side.rows, candidate.rows), scenario)
    if rows is None:
        problem = f"version {version}: there are no rows with today's features to compare on"
        return replace(evidence, champion_problem=problem)
    try:
        champion_model = load_version(
            side.registered, available_features=scenario.feature_names, cache_dir=cache_dir
        )
    except ModelUnusable as error:
        return replace(evidence, champion_problem=f"the champion cannot be loaded: {error}")
    at = held_out_from_both(rows, (side, candidate))
    features, outcomes = rows.training_set.features[at], rows.training_set.outcomes[at]
    entities = [rows.training_set.entities[row] for row in at.tolist()]
    compared = AgainstChampion(
        version=version,
        rows=ResampledRows(outcomes, entity_codes(entities)),
        champion_scores=champion_model.scores(features),
        scores=model.scores(features),
    )
    return replace(evidence, champion=compared)
