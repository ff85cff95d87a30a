"""What is read of the archive, and until when labels are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column
from pyspark.sql import functions as F

from batch.records.limits import EventLimits
from monitoring.cases import DAY_MS, HOUR_MS, Period
from scenarios.contract.scenario import Label


class PeriodsUneven(ValueError):
    """Periods that do not follow each other, or are not of one length."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class MaturedOptions:
    """What `read_periods` reads.

    periods         of equal length, without gaps (`monitoring.cases.periods`), at least one
    now_ms          what Kafka had by then is known, UTC epoch ms
    horizon_days    labels of entities: an outcome counts for a prediction up to so long after it
    slices          feature → limits of its bands, rising; none: a slice per value
    amount_feature  the feature that holds the money at stake; None: the scenario has none
    most_cases      of one period, at most so many are taken, by a hash of their entities
    look_back_days  how long before the first period predictions are looked at to say what a label
                    or an outcome belongs to; None: all that is archived
    """

    limits: EventLimits
    periods: Sequence[Period]
    now_ms: int
    horizon_days: float
    slices: Mapping[str, Sequence[float]] = field(default_factory=dict)
    amount_feature: str | None = None
    most_cases: int = 200_000
    look_back_days: float | None = None

    def __post_init__(self) -> None:
        begins = [period.begin_ms for period in self.periods]
        ends = [period.end_ms for period in self.periods]
        lengths = {end - begin for begin, end in zip(begins, ends, strict=True)}
        if len(lengths) != 1 or begins[1:] != ends[:-1]:
            raise PeriodsUneven(
                f"expected periods of one length without gaps, got {len(begins)} of the lengths "
                f"{sorted(lengths)} ms"
            )

    @property
    def begin_ms(self) -> int:
        """Of the first period."""
        return self.periods[0].begin_ms

    @property
    def end_ms(self) -> int:
        """Of the last period."""
        return self.periods[-1].end_ms

    @property
    def length_ms(self) -> int:
        """Of each period."""
        return self.periods[0].end_ms - self.begin_ms

    @property
    def horizon_ms(self) -> int:
        """`horizon_days` in milliseconds."""
        return int(self.horizon_days * DAY_MS)

    @property
    def looked_back_ms(self) -> int | None:
        """From when on predictions are looked at; None: all of them."""
        if self.look_back_days is None:
            return None
        return self.begin_ms - int(self.look_back_days * DAY_MS)

    def maturity_ms(self, label: Label) -> int:
        """How long after its end a period is mature: horizon and `label.maturity_days`."""
        return self.horizon_ms + int(label.maturity_days * DAY_MS)

    def period_of(self, time_ms: Column) -> Column:
        """The place in `periods` of the one that holds `time_ms`; null outside of all."""
        place = F.floor((time_ms - F.lit(self.begin_ms)) / F.lit(self.length_ms)).cast("int")
        return F.when((time_ms >= self.begin_ms) & (time_ms < self.end_ms), place)

    def hour_of(self, time_ms: Column) -> Column:
        """The hour since the begin of all periods that holds `time_ms`; null outside of them."""
        hour = F.floor((time_ms - F.lit(self.begin_ms)) / F.lit(HOUR_MS)).cast("int")
        return F.when((time_ms >= self.begin_ms) & (time_ms < self.end_ms), hour)

    def period_end_ms(self, time_ms: Column) -> Column:
        """The end of the period that holds `time_ms`, also of one before or after `periods`."""
        place = F.floor((time_ms - F.lit(self.begin_ms)) / F.lit(self.length_ms))
        return ((place + 1) * self.length_ms + self.begin_ms).cast("bigint")
