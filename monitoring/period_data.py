"""Everything about a period that its measurements and tests are computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitoring.cases import Cases, Floats, Ints, Period

DEVICE = "device."


@dataclass(frozen=True, kw_only=True)
class PeriodData:
    """One period, read from the archive or simulated.

    cases          the measured predictions with their labels, n of them
    features       float64 (n, k): the feature row that each case was scored with, NaN for missing
    reason_counts  reason code → in how many predictions of the period it was given
    counts         "events", "predictions", "sent_to_review" (by a rule), "suppressed",
                   "dead_letter.REASON", "lateness_ms" (the median from event time to arrival),
                   "label.DISPOSITION", "outcome.DISPOSITION",
                   "device.band.BAND", "device.implausible_clock" (scored offline)
    hourly_counts  "events", "dead_letter.REASON" → int64 (hours of the period,), by arrival; empty
                   where nothing was counted by hour
    """

    period: Period
    cases: Cases
    features: Floats
    feature_names: Sequence[str]
    reason_counts: Mapping[str, int]
    counts: Mapping[str, int]
    hourly_counts: Mapping[str, Ints] = field(default_factory=dict)
