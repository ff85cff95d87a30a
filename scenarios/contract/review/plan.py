"""Which cases people review beside those that the policy's rules send, and how they may decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenarios.contract.policy import PolicyError
from stores.records.review_cases import (
    DISAGREEMENT,
    MISSING_FEATURES,
    RANDOM,
    RULE,
    OtherVerdict,
    Sent,
)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# The answer to an event that was not analysed and cannot be judged; it needs a note.
SEEN = "seen"


@dataclass(frozen=True, kw_only=True)
class ReviewVerdict:
    """One answer that a reviewer can give; `label`: whether the case is positive, None: unknown."""

    name: str
    label: bool | None


@dataclass(frozen=True, kw_only=True)
class ReviewPlan:
    """What is reviewed, beside the cases of rules with `review`, and the answers.

    random_share       share of the cases that nothing else sends
    disagreements      send cases of an experiment whose two versions decide for different bands
    most_missing       send cases of which a larger share of the features is missing: they lie
                       outside of what the model was trained on; 1: none
    reviews_refused    events without a prediction (dead letters) are cases as well, before all
                       others and in order of arrival: they were not analysed, which must not look
                       like a low score. Beside the verdicts there is `SEEN` for them
    verdicts           the fixed list
    """

    random_share: float = 0.0
    disagreements: bool = False
    most_missing: float = 1.0
    reviews_refused: bool = False
    verdicts: tuple[ReviewVerdict, ...] = (
        ReviewVerdict(name="confirmed", label=True),
        ReviewVerdict(name="dismissed", label=False),
        ReviewVerdict(name="unclear", label=None),
    )

    def __post_init__(self) -> None:
        shares = {"random_share": self.random_share, "most_missing": self.most_missing}
        for name, share in shares.items():
            if not 0.0 <= share <= 1.0:
                raise PolicyError(f"review: {name} is {share}, expected 0 to 1")
        names = [verdict.name for verdict in self.verdicts]
        if not names or len(set(names)) < len(names) or not all(names):
            raise PolicyError(f"review: expected verdicts of different names, got {names}")
        if self.reviews_refused and SEEN in names:
            raise PolicyError(
                f"review: the verdict {SEEN!r} stands for refused events; name yours otherwise"
            )

    @property
    def is_rules_only(self) -> bool:
        """Whether nothing is sent but what rules send."""
        return self.random_share <= 0.0 and not self.disagreements and self.most_missing >= 1.0

    def label_of(self, verdict: str) -> bool | None:
        """The label of a case with this verdict; raises `KeyError` for an unknown one."""
        if self.reviews_refused and verdict == SEEN:
            return None
        return {known.name: known.label for known in self.verdicts}[verdict]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What decides whether m cases are sent.

    by_rule       bool (m,)     a rule of the policy asks for a review
    bands         int64 (m,)    codes of the bands that were decided for
    other_scores  float64 (m,)  by the other version of an experiment; NaN: not scored by it
    other_versions  its version for each of the m; empty without an experiment
    features      float64 (m, k)
    is_random     bool (m,)     in the random share
    """

    by_rule: Flags
    bands: Ints
    other_scores: Floats
    other_versions: Sequence[str]
    features: Floats
    is_random: Flags


def sent_cases(
    scored: Scored, plan: ReviewPlan, *, thresholds: Mapping[str, float]
) -> Mapping[int, Sent]:
    """Row → why it is sent, of those that are; thresholds by band, from the lowest up.

    The propensity is that of the case given the arms of the experiment: 1 for everything that is
    sent without chance, `plan.random_share` for the rest. Weighted by its inverse, the reviewed
    cases stand for all cases (Horvitz and Thompson 1952).
    """
    names, limits = list(thresholds), [*thresholds.values()]
    has_other = ~np.isnan(scored.other_scores)
    other_bands = np.searchsorted(limits, scored.other_scores, side="right") - 1
    differs = has_other & (other_bands != scored.bands) & plan.disagreements
    missing = np.isnan(scored.features).mean(axis=1) > plan.most_missing
    is_certain = scored.by_rule | differs | missing
    causes = (
        (RULE, scored.by_rule),
        (DISAGREEMENT, differs),
        (MISSING_FEATURES, missing),
        (RANDOM, scored.is_random & ~is_certain),
    )
    sent: dict[int, Sent] = {}
    for row in np.flatnonzero(is_certain | scored.is_random).tolist():
        other = None
        if differs[row]:
            other = OtherVerdict(
                version=scored.other_versions[row],
                score=float(scored.other_scores[row]),
                band=names[int(other_bands[row])],
            )
        sent[row] = Sent(
            because=tuple(name for name, applies in causes if applies[row]),
            propensity=1.0 if is_certain[row] else plan.random_share,
            other=other,
        )
    return sent
