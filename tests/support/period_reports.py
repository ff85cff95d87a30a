"""Reports of made-up periods, and stores of decisions and alerts in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring.period_report import Alarm, Interval, Maturity, Measurement, PeriodReport
from stores.records.alerts import OpenAlert
from stores.records.decisions import ActionResult, DecisionChanged, DecisionRecord

WEEK_MS = 7 * 86_400_000


def measured(
    value: float | None,
    *,
    metric: str = "auroc",
    part: str = "",
    maturity: Maturity = "mature",
    labels: int = 1_000,
    half: float = 0.02,
    reason: str = "",
) -> Measurement:
    """A measurement of 2,000 cases with an interval of `half` to both sides."""
    interval = Interval(value=None)
    if value is not None:
        interval = Interval(value=value, low=value - half, high=value + half)
    return Measurement(
        metric=metric,
        part=part,
        maturity=maturity,
        interval=interval,
        labels=labels,
        predictions=2_000,
        reason=reason,
    )


def drift_alarm(subject: str = "income", *, harm: bool = False) -> Alarm:
    """An alarm of kind drift."""
    return Alarm(
        kind="drift", subject=subject, value=5.0, bound=3.0, sentence=f"{subject} moved", harm=harm
    )


def report(
    number: int,
    *measurements: Measurement,
    version: str = "1",
    alarms: Sequence[Alarm] = (),
    looked_at: int | None = None,
    is_mature: bool = True,
) -> PeriodReport:
    """The report of week `number`, looked at at the end of week `looked_at` (default: its own)."""
    return PeriodReport(
        scenario="tiny",
        number=number,
        begin_ms=number * WEEK_MS,
        end_ms=(number + 1) * WEEK_MS,
        looked_at_ms=((number if looked_at is None else looked_at) + 1) * WEEK_MS,
        is_mature=is_mature,
        version=version,
        measurements=measurements,
        alarms=tuple(alarms),
        counts={"predictions": 2_000},
    )


@dataclass
class MemoryDecisions:
    """What `DecisionTable` does, in memory."""

    records: dict[tuple[int, str], DecisionRecord] = field(default_factory=dict)

    def all(self) -> list[DecisionRecord]:
        return sorted(
            self.records.values(), key=lambda record: (record.period, record.decided_at_ms)
        )

    def add(self, record: DecisionRecord) -> bool:
        return self.records.setdefault(record.key, record) == record

    def replace(self, before: DecisionRecord, after: DecisionRecord) -> DecisionRecord:
        if self.records.get(after.key) not in (before, after):  # the second: a repeated call
            raise DecisionChanged("changed meanwhile")
        self.records[after.key] = after
        return after


@dataclass
class MemoryAlerts:
    """What `AlertTable` does, in memory."""

    alerts: dict[str, OpenAlert] = field(default_factory=dict)

    def all(self) -> list[OpenAlert]:
        return sorted(self.alerts.values(), key=lambda alert: (alert.since_ms, alert.subject))

    def write(self, alert: OpenAlert) -> None:
        self.alerts[alert.subject] = alert

    def remove(self, alert: OpenAlert) -> None:
        self.alerts.pop(alert.subject, None)


@dataclass
class ScriptedActions:
    """Actions whose exit codes are given by name; retraining makes version 2, 3 …"""

    codes: dict[str, int] = field(default_factory=dict)
    current: str = "1"
    trained: int = 1
    calls: list[str] = field(default_factory=list)
    dies_at: str = ""

    def champion(self) -> str:
        return self.current

    def run(self, action: str, record: DecisionRecord) -> ActionResult:
        if action == self.dies_at:
            raise KeyboardInterrupt(action)
        self.calls.append(action)
        code, version = self.codes.get(action, 0), ""
        if action == "retrain" and code == 0:
            self.trained += 1
            version = f"{self.trained}"
        if action == "promote_champion" and code == 0:
            self.current = version = f"{self.trained}"
        return ActionResult(
            action=action, exit_code=code, finished_at_ms=0, version=version, lines=("last line",)
        )
