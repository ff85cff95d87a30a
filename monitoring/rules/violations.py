"""Which rules the periods violate, by which figures; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.period_report import Measurement, PeriodReport
from monitoring.rules.rule import OnAlarm, OnMeasurement, Rule
from stores.records.decisions import Figure

# Alarms that labels raise: a period without its labels has none, and is not known to be good.
_BY_LABELS = ("risk", "slice")


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A rule that holds now.

    report      the latest period that can be judged: it violates the rule
    subject     what it is about: a metric with its part, an alarm's subject
    figures     of the last periods, the latest one last, whether they violate it or not
    """

    rule: Rule
    report: PeriodReport
    subject: str
    figures: tuple[Figure, ...]

    @property
    def sentence(self) -> str:
        """Why, for a person."""
        latest = self.figures[-1]
        count = sum(figure.is_violation for figure in self.figures)
        of = f"{count} of the last {len(self.figures)} periods, the latest one is period "
        return f"{latest.sentence} ({of}{self.report.number})"


def violations(reports: Sequence[PeriodReport], rules: Sequence[Rule]) -> list[Violation]:
    """The rules of the scenario that its periods violate, one per subject.

    reports: of one scenario, by period. A period counts when it can be judged: when it has the
    measurement with enough labels, or is mature where the alarm comes from labels. The newest
    period that counts is the latest one, however many have ended since.
    """
    return [
        violation
        for rule in rules
        for subject in _subjects(reports, rule)
        if (violation := _violation(reports, rule, subject)) is not None
    ]


def violates(report: PeriodReport, rule: Rule) -> bool:
    """Whether this period by itself violates the rule, by any subject."""
    figures = [_figure(report, rule, subject) for subject in _subjects([report], rule)]
    return any(figure is not None and figure.is_violation for figure in figures)


def can_judge(report: PeriodReport, rule: Rule) -> bool:
    """Whether a period without violation is a good one by this rule, and not only unknown.

    By alarms it is once its labels have arrived: an alarm may be missing because labels are.
    """
    if isinstance(rule.on, OnAlarm):
        return report.is_mature
    return any(_figure(report, rule, subject) is not None for subject in _subjects([report], rule))


def _violation(reports: Sequence[PeriodReport], rule: Rule, subject: str) -> Violation | None:
    judged = [
        (report, figure)
        for report in reports
        if (figure := _figure(report, rule, subject)) is not None
    ]
    window = judged[-rule.m :]
    count = sum(figure.is_violation for _, figure in window)
    if count < rule.n or not window[-1][1].is_violation:
        return None
    return Violation(
        rule=rule,
        report=window[-1][0],
        subject=subject,
        figures=tuple(figure for _, figure in window),
    )


def _subjects(reports: Sequence[PeriodReport], rule: Rule) -> list[str]:
    on = rule.on
    subjects: dict[str, None] = {}
    for report in reports:
        if isinstance(on, OnMeasurement):
            parts = (m.part for m in report.measurements if m.metric == on.metric)
            subjects |= {part: None for part in parts if on.fits(part)}
        else:
            alarms = (alarm for alarm in report.alarms if alarm.kind == on.kind)
            subjects |= {a.subject: None for a in alarms if on.fits(a.subject, is_harm=a.harm)}
    return list(subjects)


def _figure(report: PeriodReport, rule: Rule, subject: str) -> Figure | None:
    """What the period says about the subject; None when it cannot be judged."""
    if isinstance(rule.on, OnMeasurement):
        measurement = report.measurement(rule.on.metric, part=subject, maturity=rule.on.maturity)
        return None if measurement is None else _measured(report, rule.on, measurement)
    return _alarmed(report, rule.on, subject)


def _measured(report: PeriodReport, on: OnMeasurement, measured: Measurement) -> Figure | None:
    interval = measured.interval
    enough = measured.predictions if on.maturity == "estimated" else measured.labels
    if interval.value is None or enough < on.min_labels:
        return None
    nearest = (interval.low if on.is_above else interval.high) if on.whole_interval else None
    tested = interval.value if nearest is None else nearest
    if on.whole_interval and nearest is None:
        return None
    part = f" of {measured.part}" if measured.part else ""
    side = "above" if on.is_above else "below"
    limits = (
        ""
        if interval.low is None or interval.high is None
        else f" [{interval.low:.4g}, {interval.high:.4g}]"
    )
    return Figure(
        period=report.number,
        what=f"{measured.metric}{part}",
        value=interval.value,
        low=interval.low,
        high=interval.high,
        bound=on.bound,
        labels=measured.labels,
        predictions=measured.predictions,
        is_violation=tested > on.bound if on.is_above else tested < on.bound,
        sentence=f"{measured.maturity} {measured.metric}{part} is {interval.value:.4g}{limits}, "
        f"{side} {on.bound:.4g} violates the rule; {measured.labels:,} of "
        f"{measured.predictions:,} labels",
    )


def _alarmed(report: PeriodReport, on: OnAlarm, subject: str) -> Figure | None:
    if on.kind in _BY_LABELS and not report.is_mature:
        return None
    alarms = (alarm for alarm in report.alarms if (alarm.kind, alarm.subject) == (on.kind, subject))
    alarm = next((alarm for alarm in alarms if alarm.harm or not on.only_harm), None)
    what = f"{on.kind} {subject}"
    if alarm is None:
        return Figure(period=report.number, what=what, value=None, bound=0.0, is_violation=False)
    return Figure(
        period=report.number,
        what=what,
        value=alarm.value,
        bound=alarm.bound,
        is_violation=True,
        sentence=alarm.sentence,
    )
