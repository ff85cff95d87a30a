"""What every case of a scenario is judged by, whichever model scored it; pure, no clock."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.scoring_model import ScoringModel
from scenarios.policy import Decisions
from scenarios.reasons import ReasonTeller
from scenarios.scenario import Scenario
from scenarios.shares import in_share
from stores.predictions import Reason

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class CaseRules:
    """Who can be scored, who is in the control group, whose score needs reasons, and which."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._names = scenario.feature_names
        self._teller = ReasonTeller(scenario)
        self._explained = np.array([band.explained for band in scenario.policy.bands])
        required = scenario.required_feature
        self._required = None if required is None else self._names.index(required)

    def can_score(self, features: Floats) -> Flags:
        """Which of n feature rows (n, k) have the required feature."""
        if self._required is None:
            return np.ones(len(features), dtype=np.bool_)
        return ~np.isnan(features[:, self._required])

    def in_control_group(self, entities: Sequence[str]) -> Flags:
        """Which entities get no action, so that the effect can be measured; stable, bool (n,)."""
        share = self._scenario.policy.control_share
        return in_share(entities, share, salt=f"{self._scenario.name}:control")

    def needs_reasons(self, decisions: Decisions) -> Flags:
        """Which cases lie in a band whose scores are explained, bool (n,).

        TreeSHAP costs several times the scoring: nobody else's score is explained.
        """
        needed: Flags = self._explained[decisions.bands]
        return needed

    def reasons(self, model: ScoringModel, features: Floats) -> list[list[Reason]]:
        """Why `model` scores n feature rows (n, k) as it does, one list each."""
        return self._teller.tell(model.contributions(features), features) if len(features) else []
