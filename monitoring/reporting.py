"""From the data of periods to what is known of them: measurements and alarms, composed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from monitoring.drift.alarms import DriftTest, drift_test
from monitoring.drift.hours import hour_alarms
from monitoring.drift.options import DriftOptions
from monitoring.estimate.assumptions import EstimateOptions
from monitoring.estimate.estimated_quality import estimated_quality
from monitoring.estimate.risk import RiskOptions
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm, Maturity, Measurement, PeriodReport
from monitoring.quality.label_coverage import CoverageOptions, coverage_alarms
from monitoring.quality.measurements import quality
from monitoring.quality.options import QualityOptions
from monitoring.slices.worst import SliceOptions
from monitoring.watching import REFERENCE_PERIODS, loss_alarms

# Among the counts of a report: how many of its cases had a label.
LABELS = "labelled cases"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """How a scenario's periods are measured and tested.

    maturity_ms        how long after its end a period is mature
    reference_periods  first mature periods of a version, which say what loss is tolerated
    quiet_periods      so many periods before one are what it is compared with for drift
    hourly_false_alarm_rate  share of quiet weeks with an alarm about counts per hour
    estimates          estimated quality of the newest so many periods (it takes the most time)
    """

    maturity_ms: int
    quality: QualityOptions = field(default_factory=QualityOptions)
    estimate: EstimateOptions = field(default_factory=EstimateOptions)
    risk: RiskOptions = field(default_factory=RiskOptions)
    slices: SliceOptions = field(default_factory=SliceOptions)
    drift: DriftOptions = field(default_factory=DriftOptions)
    coverage: CoverageOptions | None = None
    reference_periods: int = REFERENCE_PERIODS
    quiet_periods: int = 12
    estimates: int = 12
    hourly_false_alarm_rate: float = 0.01


def period_reports(
    data: Sequence[PeriodData],
    *,
    scenario: str,
    looked_at_ms: int,
    options: ReportOptions,
    drift: Mapping[int, DriftTest],
    earlier: Sequence[PeriodReport] = (),
) -> list[PeriodReport]:
    """What was known at `looked_at_ms` of the periods that had ended by then, by period.

    data: by period; labels that arrived later are left out, so a past look can be repeated.
    drift: what `drift_tests` gave; it needs no labels, so looks at the same data share it
    earlier: reports of an earlier look at the same data, whose measurements are taken over where
    no label came since: the result is the same, sooner
    """
    ended = [
        replace(period, cases=period.cases.known_by(looked_at_ms))
        for period in data
        if period.period.end_ms <= looked_at_ms
    ]
    before = {report.number: report for report in earlier}
    alarms = {p.period.number: list(drift[p.period.number].alarms) for p in ended}
    _add_risk_and_slices(alarms, ended, looked_at_ms, options)
    if options.coverage is not None and ended:
        measured = [period for period in ended if len(period.cases)]
        late = coverage_alarms(measured, now_ms=looked_at_ms, options=options.coverage)
        alarms[ended[-1].period.number] += late
    return [
        PeriodReport(
            scenario=scenario,
            number=period.period.number,
            begin_ms=period.period.begin_ms,
            end_ms=period.period.end_ms,
            looked_at_ms=looked_at_ms,
            is_mature=_is_mature(period, looked_at_ms, options),
            version=main_version(period),
            measurements=_measurements(
                place, ended, looked_at_ms, options, before.get(period.period.number)
            ),
            alarms=tuple(alarms[period.period.number]),
            counts={
                **period.counts,
                **drift[period.period.number].counts,
                LABELS: int(period.cases.is_labelled.sum()),
            },
        )
        for place, period in enumerate(ended)
    ]


def drift_tests(
    data: Sequence[PeriodData], *, options: ReportOptions, training: PeriodData | None = None
) -> dict[int, DriftTest]:
    """Number of a period → its drift and data alarms; each is compared with quiet ones before it.

    A period with such an alarm is not quiet, and later ones are not compared with it. Where the new
    state lasts, quiet periods run out, there is no test, and it becomes the usual.
    training: the training snapshot as a period, None: there is none
    """
    tests: dict[int, DriftTest] = {}
    quiet: list[PeriodData] = []
    for current in data:
        number = current.period.number
        since = number - options.quiet_periods
        quiet = [period for period in quiet if period.period.number >= since]
        test = drift_test(training, quiet, current, options=options.drift)
        by_hour = hour_alarms(
            quiet, current, rate=options.hourly_false_alarm_rate, seed=options.drift.seed
        )
        tests[number] = replace(test, alarms=(*test.alarms, *by_hour))
        if not tests[number].alarms:
            quiet.append(current)
    return tests


def main_version(data: PeriodData) -> str:
    """The version that made most of the period's predictions; "" without any."""
    if not len(data.cases):
        return ""
    return data.cases.version_names[int(np.bincount(data.cases.versions).argmax())]


def _is_mature(data: PeriodData, now_ms: int, options: ReportOptions) -> bool:
    return data.period.is_mature(now_ms, maturity_ms=options.maturity_ms)


def _measurements(
    place: int,
    ended: Sequence[PeriodData],
    now_ms: int,
    options: ReportOptions,
    before: PeriodReport | None,
) -> tuple[Measurement, ...]:
    current = ended[place]
    if not len(current.cases):
        return ()
    measured: list[Measurement] = []
    if current.cases.is_labelled.any():
        maturity: Maturity = "mature" if _is_mature(current, now_ms, options) else "partial"
        measured += _taken_over(before, maturity, current) or quality(
            current.cases, maturity=maturity, options=options.quality
        )
    if place >= len(ended) - options.estimates:
        measured += _taken_over(before, "estimated", current) or _estimated(place, ended, options)
    return tuple(measured)


def _taken_over(
    before: PeriodReport | None, maturity: Maturity, current: PeriodData
) -> list[Measurement]:
    """The earlier look's measurements of this maturity, if they are still right; else none."""
    if before is None:
        return []
    of_maturity = [m for m in before.measurements if m.maturity == maturity]
    labels = int(current.cases.is_labelled.sum())
    is_same = maturity == "estimated" or before.counts.get(LABELS) == labels
    return of_maturity if is_same else []


def _estimated(
    place: int, ended: Sequence[PeriodData], options: ReportOptions
) -> tuple[Measurement, ...]:
    """As it was estimated when the period ended: what came later must not help."""
    current = ended[place]
    end_ms = current.period.end_ms
    before = [
        replace(period, cases=period.cases.known_by(end_ms))
        for period in ended[:place]
        if _is_mature(period, end_ms, options) and main_version(period) == main_version(current)
    ]
    return estimated_quality(current, before, options=options.estimate)


def _add_risk_and_slices(
    alarms: Mapping[int, list[Alarm]],
    ended: Sequence[PeriodData],
    now_ms: int,
    options: ReportOptions,
) -> None:
    """Tests over the mature periods of each version, which has a budget of its own."""
    mature = [period for period in ended if _is_mature(period, now_ms, options)]
    for version in dict.fromkeys(main_version(period) for period in mature):
        of_version = [period for period in mature if main_version(period) == version]
        for number, alarm in loss_alarms(
            of_version,
            risk=options.risk,
            slices=options.slices,
            reference_periods=options.reference_periods,
        ):
            alarms[number].append(alarm)
