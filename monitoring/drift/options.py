"""What a scenario declares for its drift tests."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class DriftOptions:
    """How often a quiet period may have an alarm, and from where on a data fault counts as harm.

    false_alarm_rate       share of quiet periods with any drift or data alarm, of all tests of the
                           period together; the thresholds follow from it and from the quiet weeks
    least_quiet_weeks      with fewer there is no test: by 4 wandering weeks, 14 % of quiet ones had
                           an alarm where 5 % were declared
    categories             features whose values are codes of categories
    most_rows              a larger period is tested on so many of its cases, drawn by `seed`
    harmful_missing_rise   rise of the share of missing values that harms predictions
    harmful_share          share of the values never seen before, or of the events that became dead
                           letters for a reason, that harms predictions
    harmful_factor         values that are so many times larger or smaller, all alike: another unit
    resamples              pseudo-histories behind each threshold, and as many to measure it by
    """

    false_alarm_rate: float = 0.05
    least_quiet_weeks: int = 6
    categories: frozenset[str] = field(default_factory=frozenset)
    most_rows: int = 4_000
    harmful_missing_rise: float = 0.05
    harmful_share: float = 0.01
    harmful_factor: float = 3.0
    resamples: int = 1_000
    seed: int = 22

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm_rate < 1.0:
            raise ValueError(f"false_alarm_rate is {self.false_alarm_rate}, expected within (0, 1)")
        if self.least_quiet_weeks < 3:
            raise ValueError(
                f"least_quiet_weeks is {self.least_quiet_weeks}, expected 3 or more: a spread "
                "cannot be estimated from fewer"
            )
