"""What the measures of a scenario need to know beside the cases."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QualityOptions:
    """How quality is measured and estimated; the same for all periods of a scenario.

    missed_cost, false_alarm_cost  what a missed case and a false alarm cost, in the scenario's
                       currency; None: cost is not measured
    is_control_only    measure on the control group, because actions change the outcome
    least_labels       of each slice; with fewer it is not measured
    least_of_class     labels of either class without which nothing is said
    bootstrap_rounds   resamples of an interval
    metrics            names of the measures that are wanted; empty: all
    """

    missed_cost: float | None = None
    false_alarm_cost: float | None = None
    is_control_only: bool = False
    least_labels: int = 200
    least_of_class: int = 10
    bootstrap_rounds: int = 200
    metrics: frozenset[str] = frozenset()
    seed: int = 0
