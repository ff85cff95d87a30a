"""Scores and decisions made again from recomputed features, by the model and policy of the time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from models.errors import ModelUnusable
from models.scoring_model import ScoringModel
from scenarios.judging import CaseRules
from scenarios.scenario import Scenario

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Version → the model that it names; raises `ModelUnusable` when it cannot be had.
ModelLoader = Callable[[str], ScoringModel]


@dataclass(frozen=True, kw_only=True)
class Cases:
    """n predictions to make again; features (n, k) as recomputed, the rest as logged."""

    entities: Sequence[str]
    features: Floats
    model_versions: Sequence[str]
    policy_versions: Sequence[str]
    thresholds: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Rejudged:
    """What comes out for n cases.

    scores       float64 (n,)  NaN where the model could not be had
    is_decided   bool (n,)     scored again, and decided by the policy that is still today's
    bands, actions (n,) names, review bool (n,): where is_decided
    control      bool (n,)
    failures     model version → why it could not be had
    """

    scores: Floats
    is_decided: Flags
    bands: npt.NDArray[np.object_]
    actions: npt.NDArray[np.object_]
    review: Flags
    control: Flags
    failures: dict[str, str] = field(default_factory=dict)


class Rejudge:
    """Scores and decides cases of one scenario again; loaded models are kept."""

    def __init__(self, scenario: Scenario, load_model: ModelLoader) -> None:
        self._scenario = scenario
        self._load_model = load_model
        self._models: dict[str, ScoringModel | str] = {}
        self._rules = CaseRules(scenario)
        self._policy_version = scenario.policy.version

    def cases(self, cases: Cases) -> Rejudged:
        """Score and decide `cases` again."""
        scores, failures = self._scores(cases)
        control = self._rules.in_control_group(cases.entities)
        is_todays = np.array(cases.policy_versions, dtype=np.str_) == self._policy_version
        found = Rejudged(
            scores=scores,
            is_decided=is_todays & ~np.isnan(scores),
            bands=np.full(len(scores), "", dtype=object),
            actions=np.full(len(scores), "", dtype=object),
            review=np.zeros(len(scores), dtype=np.bool_),
            control=control,
            failures=failures,
        )
        self._decide(cases, found)
        return found

    def model(self, version: str) -> ScoringModel | str:
        """The model of `version`, or why it cannot be had."""
        if version not in self._models:
            try:
                self._models[version] = self._load_model(version)
            except ModelUnusable as error:
                self._models[version] = str(error)
        return self._models[version]

    def _scores(self, cases: Cases) -> tuple[Floats, dict[str, str]]:
        versions = np.array(cases.model_versions, dtype=np.str_)
        scores, failures = np.full(len(versions), np.nan), {}
        for version in np.unique(versions).tolist():
            model, rows = self.model(version), np.flatnonzero(versions == version)
            if isinstance(model, str):
                failures[version] = model
            else:
                scores[rows] = model.scores(cases.features[rows])
        return scores, failures

    def _decide(self, cases: Cases, found: Rejudged) -> None:
        policy = self._scenario.policy
        names = np.array([band.name for band in policy.bands], dtype=object)
        actions = np.array(policy.actions, dtype=object)
        thresholds = np.array(cases.thresholds, dtype=np.str_)
        for text in np.unique(thresholds[found.is_decided]).tolist():
            rows = np.flatnonzero(found.is_decided & (thresholds == text))
            decisions = policy.decide(
                found.scores[rows],
                cases.features[rows],
                feature_names=self._scenario.feature_names,
                thresholds=msgspec.json.decode(text, type=dict[str, float]),
                is_control=found.control[rows],
            )
            found.bands[rows] = names[decisions.bands]
            found.actions[rows] = actions[decisions.actions]
            found.review[rows] = decisions.review
