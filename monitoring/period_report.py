"""What is known of one period of a scenario: measurements and alarms. Rules and pages read it."""

from typing import Literal

import msgspec

from monitoring.cases import Period

Maturity = Literal["estimated", "partial", "mature"]
# risk: a loss beyond what is tolerated; drift: a distribution; data: missing values, schema,
# volume, lateness, dead letters; slice: a part of the cases; service: model or stream is away.
AlarmKind = Literal["risk", "drift", "data", "slice", "service"]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with the ends of its interval; `None`: cannot be said."""

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one part of a period's cases.

    metric       auroc, average_precision, precision, recall, calibration_error, brier, cost …
    part         "" all cases; otherwise a slice as COLUMN=VALUE
    maturity     estimated: from scores, without labels; partial: some labels are still to come
    labels       cases with a label; predictions: cases
    reason       why there is no value, or why it cannot be estimated; "" with a value
    method       how it was computed, in a few words
    """

    metric: str
    part: str
    maturity: Maturity
    interval: Interval
    labels: int
    predictions: int
    reason: str = ""
    method: str = ""

    @property
    def coverage(self) -> float:
        """Share of the cases whose label is known."""
        return self.labels / self.predictions if self.predictions else 0.0


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a test noticed in a period.

    subject    what it is about: a metric, a feature, a slice as COLUMN=VALUE, a dead-letter reason
    value      the tested statistic, and the bound that it crossed
    sentence   one line for a person, with the figures and their meaning
    harm       whether the test says that predictions are worse (and not only different)
    false_alarm_rate  the measured or guaranteed share of quiet periods or lives with this alarm
    """

    kind: AlarmKind
    subject: str
    value: float
    bound: float
    sentence: str
    harm: bool
    false_alarm_rate: float | None = None


class PeriodReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of a period when it was looked at, at `looked_at_ms` (UTC epoch ms).

    number, begin_ms, end_ms: see `Period`; version: the champion's that made most predictions
    counts: predictions, events, dead letters by reason ("dead_letter.REASON"), labels by outcome
    ("label.late", "label.corrected" …) and whatever else is only counted
    """

    scenario: str
    number: int
    begin_ms: int
    end_ms: int
    looked_at_ms: int
    is_mature: bool
    version: str
    measurements: tuple[Measurement, ...]
    alarms: tuple[Alarm, ...]
    counts: dict[str, int]

    @property
    def period(self) -> Period:
        """The period."""
        return Period(number=self.number, begin_ms=self.begin_ms, end_ms=self.end_ms)

    def measurement(
        self, metric: str, *, part: str = "", maturity: Maturity | None = None
    ) -> Measurement | None:
        """The measurement of a metric, the most mature one unless `maturity` says which."""
        order = ("estimated", "partial", "mature")
        matching = [
            m
            for m in self.measurements
            if (m.metric, m.part) == (metric, part) and maturity in (None, m.maturity)
        ]
        return max(matching, key=lambda m: order.index(m.maturity), default=None)
