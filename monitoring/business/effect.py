"""What an action changes: outcomes of those acted on against the control group, by propensity.

The control group is a random share of the customers, so the difference of the two arms is caused by
the action. Cases count by 1/propensity of their arm (Horvitz and Thompson, 1952; Hájek, 1971), all
cases of a band that calls for an action count in both arms, whatever the agent did (intention to
treat). What one offer that was shown changes is that difference over the share that was shown one
(Bloom, "Accounting for no-shows in experimental evaluation designs", 1984).

The naive figure compares customers who got an offer with those who did not, within the arm that is
acted on. Agents choose whom they call, and who accepts would often have stayed anyway: it is
computed beside the effect to show how far it is wrong.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitoring.business.estimates import Estimate, weighted_mean
from monitoring.cases import Cases

Flags = npt.NDArray[np.bool_]

# Of the rarer outcome in each arm; with fewer a normal interval means little.
LEAST_OF_AN_OUTCOME = 10


@dataclass(frozen=True, kw_only=True)
class NoEffect:
    """Why no effect can be said."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Uptake:
    """The effect of an offer on those who took it up (saw it, or accepted it), and the naive one.

    effect  share of outcomes that one offer avoids
    naive   the share among those without it less that among those with it, in the acted-on arm
    error   naive - effect, whose interval allows for both
    taken   number of cases that took it up
    """

    effect: Estimate
    naive: Estimate
    taken: int

    @property
    def error(self) -> Estimate:
        """How far the naive figure is wrong."""
        return self.naive.minus(self.effect)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Outcomes of both arms, as shares of the labelled cases whose band calls for an action.

    acted_on, control  share of positive labels in each arm; cases: of each arm with a label
    avoided            control - acted_on: positive when the action avoids the outcome
    in_arm             cases of the acted-on arm, with and without a label; customers: the distinct
                       entities among them
    shown, accepted    by those who saw an offer and who accepted it, or why that cannot be said
    """

    acted_on: Estimate
    control: Estimate
    acted_on_cases: int
    control_cases: int
    in_arm: int
    customers: int
    shown: Uptake | NoEffect
    accepted: Uptake | NoEffect

    @property
    def avoided(self) -> Estimate:
        """The effect by difference."""
        return self.control.minus(self.acted_on)


def in_bands(cases: Cases, bands: Collection[str]) -> Flags:
    """Which cases are in one of the bands, bool (n,); raises `ValueError` for an unknown band."""
    unknown = sorted(set(bands) - set(cases.band_names))
    if unknown:
        raise ValueError(f"bands {unknown} are none of {list(cases.band_names)}")
    flags: Flags = np.isin(np.array(cases.band_names, dtype=object), list(bands))[cases.bands]
    return flags


def effect(cases: Cases, *, bands: Collection[str]) -> Effect | NoEffect:
    """The effect of the actions in `bands` on the label; raises `ValueError` for a propensity <= 0.

    Cases without a label take no part: give mature cases, since late labels are no random sample.
    """
    eligible = cases.where(in_bands(cases, bands))
    labelled = eligible.where(eligible.is_labelled)
    if len(labelled) and labelled.propensity.min() <= 0.0:
        raise ValueError(f"a propensity is {labelled.propensity.min()}, expected above 0")
    for arm, is_arm in (("control", labelled.is_control), ("acted-on", ~labelled.is_control)):
        positives = float(labelled.labels[is_arm].sum())
        rarer = min(positives, float(is_arm.sum()) - positives)
        if rarer < LEAST_OF_AN_OUTCOME:
            return NoEffect(
                reason=f"the {arm} group has {int(is_arm.sum())} labelled cases and {rarer:.0f} of "
                f"the rarer outcome, at least {LEAST_OF_AN_OUTCOME} are needed"
            )
    weights = 1.0 / labelled.propensity
    clusters = np.unique(labelled.entities, return_inverse=True)[1].astype(np.int64)
    is_control = labelled.is_control
    acted_on = weighted_mean(labelled.labels, weights * ~is_control, clusters)
    control = weighted_mean(labelled.labels, weights * is_control, clusters)

    def uptake(taken: Flags, word: str) -> Uptake | NoEffect:
        is_taken, is_left = taken & ~is_control, ~taken & ~is_control
        if min(is_taken.sum(), is_left.sum()) < LEAST_OF_AN_OUTCOME:
            return NoEffect(reason=f"{int(is_taken.sum())} offers were {word}, {is_left.sum()} not")
        share = weighted_mean(taken.astype(np.float64), weights * ~is_control, clusters)
        naive = weighted_mean(labelled.labels, weights * is_left, clusters).minus(
            weighted_mean(labelled.labels, weights * is_taken, clusters)
        )
        caused = control.minus(acted_on).over(share)
        return Uptake(effect=caused, naive=naive, taken=int(is_taken.sum()))

    return Effect(
        acted_on=acted_on,
        control=control,
        acted_on_cases=int((~is_control).sum()),
        control_cases=int(is_control.sum()),
        in_arm=int((~eligible.is_control).sum()),
        customers=len(np.unique(eligible.entities[~eligible.is_control])),
        shown=uptake(labelled.is_shown, "shown"),
        accepted=uptake(labelled.is_accepted, "accepted"),
    )
