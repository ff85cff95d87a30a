"""Recomputed features scored and decided again, by the model and policy of the prediction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from models.errors import ModelUnusable
from models.scoring_model import ScoringModel
from scenarios.contract.judge import Judge, Judges
from scenarios.contract.scenario import Scenario

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Version → the model that it names; raises `ModelUnusable` when it cannot be loaded.
ModelLoader = Callable[[str], ScoringModel]


@dataclass(frozen=True, kw_only=True)
class Cases:
    """n predictions to recompute; features (n, k) as recomputed, the rest as logged."""

    entities: Sequence[str]
    features: Floats
    model_versions: Sequence[str]
    policy_versions: Sequence[str]
    thresholds: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Rejudged:
    """What comes out for n cases.

    scores       float64 (n,)  NaN where the model could not be loaded
    is_decided   bool (n,)     scored again, and decided by the policy that is still today's
    bands, actions (n,) names, review bool (n,): where is_decided
    second       (n,) answers to the policy's second question, None where it was not asked
    control      bool (n,)
    failures     model version → why it could not be loaded
    unscorable   row → why the model cannot judge it, though it once did
    """

    scores: Floats
    is_decided: Flags
    bands: npt.NDArray[np.object_]
    actions: npt.NDArray[np.object_]
    review: Flags
    control: Flags
    second: npt.NDArray[np.object_]
    failures: dict[str, str] = field(default_factory=dict)
    unscorable: dict[int, str] = field(default_factory=dict)


class Rejudge:
    """Scores and decides cases of one scenario again; loaded models are cached."""

    def __init__(self, scenario: Scenario, load_model: ModelLoader) -> None:
        self._scenario = scenario
        self._load_model = load_model
        self._models: dict[str, ScoringModel | str] = {}
        self._judge = Judge(scenario)
        self._policy_version = scenario.policy.version

    def cases(self, cases: Cases) -> Rejudged:
        """Score and decide `cases` again."""
        count = len(cases.entities)
        is_todays = np.array(cases.policy_versions, dtype=np.str_) == self._policy_version
        results = Rejudged(
            scores=np.full(count, np.nan),
            is_decided=np.zeros(count, dtype=np.bool_),
            bands=np.full(count, "", dtype=object),
            actions=np.full(count, "", dtype=object),
            review=np.zeros(count, dtype=np.bool_),
            control=self._judge.in_control_group(cases.entities),
            second=np.full(count, None, dtype=object),
        )
        versions = np.array(cases.model_versions, dtype=np.str_)
        thresholds = np.array(cases.thresholds, dtype=np.str_)
        for version in np.unique(versions).tolist():
            model, is_own = self.model(version), versions == version
            if isinstance(model, str):
                results.failures[version] = model
                continue
            self._score(cases, results, model, np.flatnonzero(is_own & ~is_todays))
            for text in np.unique(thresholds[is_own & is_todays]).tolist():
                rows = np.flatnonzero(is_own & is_todays & (thresholds == text))
                self._decide(cases, results, model, rows)
        return results

    def other_scores(
        self, versions: Sequence[str | None], features: Floats
    ) -> tuple[Floats, Flags]:
        """Scores (n,) by a version per row, NaN where it has none; and where one could be loaded.

        features (n, k), as recomputed; a version None is none.
        """
        scores, is_loaded = np.full(len(features), np.nan), np.zeros(len(features), np.bool_)
        for version in sorted({name for name in versions if name is not None}):
            model = self.model(version)
            if isinstance(model, str):
                continue
            rows = np.array([name == version for name in versions], dtype=np.bool_)
            scores[rows], is_loaded[rows] = self._judge.scores(features[rows], model)[0], True
        return scores, is_loaded

    def model(self, version: str) -> ScoringModel | str:
        """The model of `version`, or why it cannot be loaded."""
        if version not in self._models:
            try:
                self._models[version] = self._load_model(version)
            except ModelUnusable as error:
                self._models[version] = str(error)
        return self._models[version]

    def _score(
        self, cases: Cases, results: Rejudged, model: ScoringModel, rows: npt.NDArray[np.int64]
    ) -> None:
        """Score `rows`, whose policy is not that of today."""
        results.scores[rows], failed = self._judge.scores(cases.features[rows], model)
        results.unscorable.update({int(rows[case.row]): case.cause for case in failed})

    def _decide(
        self, cases: Cases, results: Rejudged, model: ScoringModel, rows: npt.NDArray[np.int64]
    ) -> None:
        """Score and decide `rows`, which have the same thresholds."""
        text = cases.thresholds[int(rows[0])]
        judges = Judges(champion=model, thresholds=msgspec.json.decode(text, type=dict[str, float]))
        entities = [cases.entities[row] for row in rows.tolist()]
        verdicts = self._judge.verdicts(entities, cases.features[rows], judges, explains=False)
        policy, judged = self._scenario.policy, rows[verdicts.rows]
        results.scores[judged], results.is_decided[judged] = verdicts.scores, True
        names = np.array([band.name for band in policy.bands], dtype=object)
        results.bands[judged] = names[verdicts.decisions.bands]
        results.actions[judged] = np.array(policy.actions, dtype=object)[verdicts.decisions.actions]
        results.review[judged] = verdicts.decisions.review
        if policy.second_stage is not None and verdicts.second is not None:
            answers = np.array([*policy.second_stage.findings, None], dtype=object)
            results.second[judged] = answers[verdicts.second.codes]
        results.unscorable.update({int(rows[case.row]): case.cause for case in verdicts.unscorable})
