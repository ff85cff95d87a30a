"""From features to verdicts: score, decide and explain whole columns; pure, no store, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.chosen_rows import chosen_rows
from models.scoring_model import ScoringModel
from scenarios.judging import CaseRules, Flags, Floats
from scenarios.policy import Decisions
from scenarios.scenario import Scenario
from scenarios.shares import in_share
from stores.predictions import Reason
from streaming.models_in_use import InUse


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on n events.

    scores      float64 (n,)  probability in [0, 1]
    decisions   codes of bands and actions, review flags
    control     bool (n,)     whether the entity is in the control group
    challenged  bool (n,)     whether the challenger scored it
    reasons     row → reasons, only for rows whose band needs them
    """

    scores: Floats
    decisions: Decisions
    control: Flags
    challenged: Flags
    reasons: Mapping[int, list[Reason]]


class Judge:
    """Scores, decides and explains the events of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._rules = CaseRules(scenario)

    def can_score(self, features: Floats) -> Flags:
        """Which of n feature rows (n, k) have the required feature."""
        return self._rules.can_score(features)

    def verdicts(self, entities: Sequence[str], features: Floats, use: InUse) -> Verdicts:
        """Verdicts on n events; features (n, k) are those right after each event."""
        challenged = self._challenged(entities, use)
        scores = np.empty(len(entities))
        for model, rows in _by_model(challenged, use):
            scores[rows] = model.scores(chosen_rows(features, rows))
        control = self._rules.in_control_group(entities)
        decisions = self._scenario.policy.decide(
            scores,
            features,
            feature_names=self._scenario.feature_names,
            thresholds=use.deployment.thresholds,
            is_control=control,
        )
        needed = self._rules.needs_reasons(decisions)
        reasons: dict[int, list[Reason]] = {}
        for model, rows in _by_model(challenged, use):
            explained = rows[needed[rows]]
            told = self._rules.reasons(model, features[explained])
            reasons.update(zip(explained.tolist(), told, strict=True))
        return Verdicts(scores, decisions, control, challenged, reasons)

    def _challenged(self, entities: Sequence[str], use: InUse) -> Flags:
        if use.challenger is None:
            return np.zeros(len(entities), dtype=np.bool_)
        share = use.deployment.challenger_share
        salt = f"{self._scenario.name}:challenger:{use.challenger.version}"
        return in_share(entities, share, salt=salt)


def _by_model(challenged: Flags, use: InUse) -> list[tuple[ScoringModel, npt.NDArray[np.int64]]]:
    groups = [(use.champion, np.flatnonzero(~challenged))]
    if use.challenger is not None:
        groups.append((use.challenger, np.flatnonzero(challenged)))
    return [(model, rows) for model, rows in groups if len(rows)]
