"""What would lower the score: the smallest changes on offer, judged by the stored model.

An actionable counterfactual (Ustun, Spangher and Liu, "Actionable Recourse in Linear
Classification", 2019): only changes that the scenario declares are supposed. Each is asked of the
what-if of the web service, which folds and judges it as the stream would if the event arrived;
nothing is computed here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Protocol

from scenarios.contract.actionable import Actionable
from scenarios.contract.scenario import Scenario

# One what-if costs some milliseconds, and an agent waits for all of them: ten changes one by one,
# and the 20 most promising pairs of them.
MOST_WHAT_IFS = 30
MOST_SHOWN = 3


class Outlook(Protocol):
    """What a what-if says: see `serving.scoring.verdicts.Verdict`."""

    @property
    def score(self) -> float:
        """Probability in [0, 1]."""

    @property
    def band(self) -> str:
        """The band of the score."""


WhatIf = Callable[[str, Sequence[Mapping[str, Any]], int], Sequence[Outlook]]


@dataclass(frozen=True)
class Alternative:
    """One or two changes, and the score and band that they would lead to."""

    changes: tuple[Actionable, ...]
    score: float
    band: str

    @property
    def effort(self) -> float:
        """Sum of the changes' efforts."""
        return sum(change.effort for change in self.changes)


@dataclass(frozen=True, kw_only=True)
class Counterfactual:
    """The answer for one entity, of the first kind that holds.

    is_declared     the scenario declares changes at all
    is_lowest       the entity is in the lowest band already; nothing was tried
    lowering        alternatives that lead to a lower band, the smallest first, at most `MOST_SHOWN`
    best            without such: the one that lowers the score most; None when none lowers it
    tried           how many alternatives were judged
    """

    is_declared: bool = True
    is_lowest: bool = False
    lowering: tuple[Alternative, ...] = ()
    best: Alternative | None = None
    tried: int = 0


def counterfactual(
    scenario: Scenario,
    entity: str,
    *,
    score: float,
    band: str,
    features: Mapping[str, float],
    what_if: WhatIf,
    now: datetime,
    most_what_ifs: int = MOST_WHAT_IFS,
) -> Counterfactual:
    """Which declared changes would move `entity` from `band` to a lower one.

    score, band: of the latest row; features: name → current value, NaN where missing. Changes are
    tried one by one; if none leads to a lower band, pairs of them are, those first whose parts
    lower the score most. Raises what `what_if` raises.
    """
    if not scenario.actionable:
        return Counterfactual(is_declared=False)
    ranks = {declared.name: rank for rank, declared in enumerate(scenario.policy.bands)}
    current = ranks.get(band, len(ranks))  # a band of an older policy counts as the highest
    if current == 0:
        return Counterfactual(is_lowest=True)
    candidates = [change for change in scenario.actionable if change.is_open(features)]
    now_ms = round(now.timestamp() * 1000)

    def judged(sets_of_changes: Iterable[tuple[Actionable, ...]]) -> list[Alternative]:
        alternatives = []
        for changes in sets_of_changes:
            events = [change.event(scenario.schema, entity, now) for change in changes]
            outlooks = what_if(entity, events, now_ms)
            if len(outlooks) == len(events):  # else the model cannot judge one of them
                alternatives.append(Alternative(changes, outlooks[-1].score, outlooks[-1].band))
        return alternatives

    singles = judged((change,) for change in candidates[:most_what_ifs])
    lowering = [single for single in singles if ranks[single.band] < current]
    pairs: list[Alternative] = []
    if not lowering:
        pairs = judged(_pairs(singles)[: most_what_ifs - len(singles)])
        lowering = [pair for pair in pairs if ranks[pair.band] < current]
    alternatives = [*singles, *pairs]
    if lowering:
        smallest = sorted(lowering, key=lambda found: (found.effort, found.score))
        return Counterfactual(lowering=tuple(smallest[:MOST_SHOWN]), tried=len(alternatives))
    lower = [alternative for alternative in alternatives if alternative.score < score]
    best = min(lower, key=lambda found: (found.score, found.effort), default=None)
    return Counterfactual(best=best, tried=len(alternatives))


def _pairs(singles: Sequence[Alternative]) -> list[tuple[Actionable, ...]]:
    """Pairs of changes that do not exclude each other, the most promising first."""
    by_score = sorted(singles, key=lambda single: single.score)
    pairs = [
        (first.score + second.score, (*first.changes, *second.changes))
        for first, second in combinations(by_score, 2)
        if not first.changes[0].excludes(second.changes[0])
    ]
    return [changes for _, changes in sorted(pairs, key=lambda pair: pair[0])]
