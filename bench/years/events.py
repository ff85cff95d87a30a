"""What is planted into a year."""

from dataclasses import dataclass
from typing import Literal

# harm: predictions become worse, or their labels late; harmless: something differs, but nothing is
# worse; verdict: an experiment or an action that has a result.
Nature = Literal["harm", "harmless", "verdict"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One planted event.

    scenarios: where it is planted.

    verdict: the part of the monitoring that should notice it, for events of that nature
    """

    name: str
    nature: Nature
    words: str
    scenarios: tuple[str, ...] = ("churn", "fraud")
    verdict: str = ""


EVENTS = (
    Event(name="quiet", nature="harmless", words="nothing happens"),
    Event(
        name="sudden_drift",
        nature="harm",
        words="a third of what scores explain is lost at once",
    ),
    Event(name="slow_drift", nature="harm", words="the same over 20 weeks"),
    Event(name="broken_slice", nature="harm", words="scores say nothing in one region of four"),
    Event(name="late_labels", nature="harm", words="labels take twice as long"),
    Event(name="missing_values", nature="harm", words="a feature is missing in 30 % of the cases"),
    Event(name="unit_change", nature="harm", words="a feature comes in cents"),
    Event(name="unseen_category", nature="harm", words="30 % of the plans have a code never seen"),
    Event(
        name="better_challenger",
        nature="verdict",
        words="a shadow that knows more",
        verdict="shadow better",
    ),
    Event(
        name="worse_challenger",
        nature="verdict",
        words="a shadow that knows less",
        verdict="shadow worse",
    ),
    Event(
        name="offer_works",
        nature="verdict",
        words="an offer avoids 40 % of churn in the high band",
        scenarios=("churn",),
        verdict="offer avoids",
    ),
    Event(name="covariate_shift", nature="harmless", words="two features shift, risk stays"),
    Event(name="holiday", nature="harmless", words="three weeks of half the volume, another mix"),
    Event(name="more_volume", nature="harmless", words="twice the cases"),
)
