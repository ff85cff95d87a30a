"""What a device needs to score alone: graph, features, policy and the golden set that proves it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from batch.exchange.exported import exported
from features.definitions import LastValue, Max, Mean, Min
from features.schema import Number
from models.errors import ModelUnusable
from models.formats.format import model_format
from models.formats.parity import score_parity
from models.scoring_model import ScoringModel
from scenarios.contract.judge import Judge, Judges, Verdicts, control_salt, valid_ms
from scenarios.contract.probe_set import probe_rows
from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario
from stores.records.deployments import ModelPointer

# A score in the browser may differ from the judge's by so much: float32 sums of boosted trees
# differ by 1.7e-7 on the probe set.
TOLERANCE = 1e-6
_FORMAT = 1
# Where every value of the feature lies within the range of its field.
_WITHIN_RANGE = (LastValue, Max, Mean, Min)

Floats = npt.NDArray[np.float64]


class NotForDevices(ModelUnusable):
    """A version cannot score on a device as the judge scores."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What is deployed: the champion and the thresholds of the bands.

    A device always scores with the champion: it takes no part in experiments.
    """

    pointer: ModelPointer
    model: ScoringModel
    thresholds: Mapping[str, float]

    @property
    def judges(self) -> Judges:
        """As the judge takes it."""
        return Judges(champion=self.model, thresholds=self.thresholds)


@dataclass(frozen=True)
class Package:
    """One package, the same for every device.

    id       16 hex digits over graph, features and policy
    content  what the device gets beside the graph, but for the times of one download
    graph    ONNX; graph_sha256 names it
    """

    id: str
    deployed: Deployed
    content: Mapping[str, Any]
    graph: bytes
    graph_sha256: str


@dataclass(frozen=True)
class Packages:
    """The packages of `scenario`; each is made once per version and thresholds.

    deployed: what scores now, read anew at each call
    """

    scenario: Scenario
    deployed: Callable[[], Deployed]
    _lock: Lock = field(default_factory=Lock, repr=False)
    _made: dict[str, Package] = field(default_factory=dict, repr=False)

    def current(self) -> Package:
        """The package of what is deployed.

        Raises `NotForDevices`, `NoConversion`, and what `deployed` raises.
        """
        deployed = self.deployed()
        key = _key(self.scenario, deployed)
        with self._lock:  # converting takes a second, and once is enough
            if key not in self._made:
                self._made.clear()
                self._made[key] = package_of(self.scenario, deployed)
            return self._made[key]


def package_of(scenario: Scenario, deployed: Deployed) -> Package:
    """The package of `deployed`; raises `NotForDevices` or `NoConversion`."""
    rows = probe_rows(scenario)
    export = exported(deployed.model, rows, to="onnx")
    graph_sha256 = hashlib.sha256(export.content).hexdigest()
    content = {
        "format": _FORMAT,
        "scenario": scenario.name,
        "title": scenario.title,
        "model": {
            "name": deployed.model.name,
            "version": deployed.model.version,
            "trained_at": deployed.model.card.created_at,
            "sha256": graph_sha256,
            "bytes": len(export.content),
            **_ports(export.content),
        },
        "features": _features(scenario),
        "required_feature": scenario.required_feature,
        "policy": policy_document(scenario, deployed.thresholds),
        "golden": _golden(scenario, deployed, rows, export.content),
    }
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    return Package(digest[:16], deployed, content, export.content, graph_sha256)


def _key(scenario: Scenario, deployed: Deployed) -> str:
    parts = (deployed.pointer, sorted(deployed.thresholds.items()), scenario.policy.version)
    return repr(parts)


def _graph_model(graph: bytes) -> Any:
    return model_format("onnx").read(graph, file=Path("device.onnx"))


def _ports(graph: bytes) -> dict[str, Any]:
    """Inputs and output of the graph, and which features it takes, in order."""
    in_file = _graph_model(graph)
    scores = in_file.predictor
    inputs = [{"name": port.name, "type": port.type} for port in scores.session.get_inputs()]
    return {
        "columns": list(in_file.feature_names or ()),
        "inputs": inputs,
        "has_input_per_feature": bool(scores.names),
        "output": scores.output,
    }


def _features(scenario: Scenario) -> list[dict[str, Any]]:
    names = categories(scenario)
    described = []
    for feature in scenario.all_features:
        declared = scenario.schema.fields.get(getattr(feature, "field", ""))
        is_bounded = isinstance(feature, _WITHIN_RANGE) and isinstance(declared, Number)
        bounds = declared if is_bounded and isinstance(declared, Number) else None
        described.append(
            {
                "name": feature.name,
                "categories": names.get(feature.name),
                "unit": bounds.unit if bounds else "",
                "minimum": _finite(bounds.lowest) if bounds else None,
                "maximum": _finite(bounds.highest) if bounds else None,
            }
        )
    return described


def policy_document(scenario: Scenario, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The policy as data: bands by these thresholds, rules, control group, validity."""
    policy = scenario.policy
    return {
        "version": policy.version,
        "bands": [
            {"name": band.name, "lowest_score": thresholds[band.name]} for band in policy.bands
        ],
        "rules": [
            {
                "action": rule.action,
                "bands": rule.bands,
                "review": rule.review,
                "when": [
                    {
                        "feature": condition.feature,
                        "at_least": _finite(condition.at_least),
                        "below": _finite(condition.below),
                    }
                    for condition in rule.when
                ],
            }
            for rule in policy.rules
        ],
        "control": {
            "share": policy.control_share,
            "action": policy.control_action,
            "salt": control_salt(scenario),
        },
        "valid_seconds": valid_ms(scenario) / 1000,
    }


def _golden(scenario: Scenario, deployed: Deployed, rows: Floats, graph: bytes) -> dict[str, Any]:
    """The probe set with the judge's verdicts; the graph must give the same scores."""
    entities = [f"golden-{number}" for number in range(len(rows))]
    verdicts = Judge(scenario).verdicts(entities, rows, deployed.judges, explains=False)
    if not len(verdicts.rows):
        raise NotForDevices(f"no golden case can be judged: {verdicts.unscorable[0].cause}")
    names = scenario.feature_names
    graph_model = _graph_model(graph)
    columns = [names.index(name) for name in graph_model.feature_names or ()]
    scored = rows[verdicts.rows]
    parity = score_parity(
        verdicts.scores, graph_model.predictor.scores(scored[:, columns]), TOLERANCE
    )
    if not parity.holds:
        version = f"{deployed.model.name} version {deployed.model.version}"
        raise NotForDevices(f"{version} and its graph score differently: {parity.sentence}")
    return {
        "tolerance": TOLERANCE,
        "entities": [entities[row] for row in verdicts.rows.tolist()],
        "features": [missing_as_none(row) for row in scored],
        "verdicts": [verdict_of(scenario, verdicts, at) for at in range(len(verdicts.rows))],
    }


def verdict_of(scenario: Scenario, verdicts: Verdicts, at: int) -> dict[str, Any]:
    """The verdict at position `at` of `verdicts`, as devices and their records have it."""
    return {
        "score": float(verdicts.scores[at]),
        "band": scenario.policy.bands[int(verdicts.decisions.bands[at])].name,
        "action": scenario.policy.actions[int(verdicts.decisions.actions[at])],
        "review": bool(verdicts.decisions.review[at]),
        "control_group": bool(verdicts.control[at]),
    }


def missing_as_none(row: Floats) -> list[float | None]:
    """JSON has no NaN."""
    return [None if np.isnan(value) else value for value in row.tolist()]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
