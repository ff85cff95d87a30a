"""Which data of a period differ from the quiet weeks before it and from the training snapshot.

A shift of inputs, scores or reasons alone says that predictions are made of other data, not that
they are worse: such an alarm has no harm. A fault of the data (missing values, values never seen
before, another unit, a column that is gone, dead letters) has harm where it is large enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from batch.explore.distributions import distribution_change
from monitoring.drift.columns import SCORE, Floats, Rows, Scales, column_scale, rows_of
from monitoring.drift.counts import (
    DEAD_LETTER,
    LATENESS,
    NEVER_SEEN,
    REASON,
    CountShift,
    count_shifts,
)
from monitoring.drift.faults import (
    is_stuck,
    never_seen_before,
    never_seen_by_week,
    unit_factor,
)
from monitoring.drift.options import DriftOptions
from monitoring.drift.quiet_weeks import PseudoWeeks, Spread, Threshold, quiet_spread
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm

# How the declared rate is shared out, with and without a reference.
_OF_COLUMNS, _OF_REFERENCE = 0.4, 0.4
_OF_COLUMNS_ALONE = 0.7
_NO_ROWS = Rows(columns={}, entities=np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class DriftTest:
    """The alarms of a period, and what was tested: counts for its report.

    counts: "drift.quiet_weeks", "drift.columns" tested; "drift.not_enough_quiet_weeks" is 1 when
    there was no test for want of them
    """

    alarms: tuple[Alarm, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class QuietWeeks:
    """Quiet weeks with their thresholds; made once, it tests any number of periods.

    never_seen: what `never_seen_by_week` says of them
    """

    quiet: Sequence[PeriodData]
    weeks: Sequence[Rows]
    pooled: Rows
    scales: Scales
    spread: Spread
    bound: Threshold
    never_seen: Mapping[str, Sequence[float]]
    reference: Rows | None
    reference_figures: Floats | None
    reference_bound: Threshold | None
    options: DriftOptions

    def test(self, current: PeriodData) -> DriftTest:
        """The alarms of `current`, at most one of each kind and subject."""
        options = self.options
        rows = rows_of(current, most_rows=options.most_rows, seed=options.seed)
        alarms = [*self._columns(rows), *self._counts(current, rows), *self._schema(current)]
        worst: dict[tuple[str, str], Alarm] = {}
        for alarm in sorted(alarms, key=lambda a: (not a.harm, -a.value / a.bound)):
            worst.setdefault((alarm.kind, alarm.subject), alarm)
        counts = {
            "drift.quiet_weeks": len(self.quiet),
            "drift.columns": len(self.scales.columns),
        }
        return DriftTest(alarms=tuple(worst.values()), counts=counts)

    def _columns(self, rows: Rows) -> list[Alarm]:
        if not len(rows):
            return []
        figures = self.scales.figures_of(rows)
        shifts = self.spread.shifts(figures, rows=len(rows))
        against = f"the {len(self.weeks)} quiet weeks before"
        alarms = self._column_alarms(shifts, self.bound, self.pooled, rows, against=against)
        if self.reference is None or self.reference_figures is None or not self.reference_bound:
            return alarms
        shifts = self.spread.shifts_from(
            figures, self.reference_figures, rows=len(rows), reference_rows=len(self.reference)
        )
        return alarms + self._column_alarms(
            shifts, self.reference_bound, self.reference, rows, against="the training snapshot"
        )

    def _column_alarms(
        self, shifts: Floats, bound: Threshold, before: Rows, after: Rows, *, against: str
    ) -> list[Alarm]:
        alarms = []
        names, is_missing_share = np.array(self.scales.names), self.scales.is_missing_share
        for name in dict.fromkeys(names[np.abs(shifts) > bound.bound].tolist()):
            if name not in before.columns or name not in after.columns:
                continue
            for is_missing in (True, False):
                part = np.abs(shifts[(names == name) & (is_missing_share == is_missing)])
                if part.max(initial=0.0) > bound.bound:
                    alarms.append(
                        self._column_alarm(
                            name,
                            float(part.max()),
                            bound,
                            (before.columns[name], after.columns[name]),
                            is_missing=is_missing,
                            against=against,
                        )
                    )
        return alarms

    def _column_alarm(
        self,
        name: str,
        shift: float,
        bound: Threshold,
        values: tuple[Floats, Floats],
        *,
        is_missing: bool,
        against: str,
    ) -> Alarm:
        before, after = values
        missing = [float(np.isnan(part).mean()) for part in values]
        harm, kind = False, "drift"
        if is_missing:
            kind, harm = "data", missing[1] - missing[0] >= self.options.harmful_missing_rise
            words = f"{missing[1]:.1%} missing, {missing[0]:.1%} in {against}"
        else:
            words = f"{_distribution_words(name, before, after, self.options)} against {against}"
            factor = None
            if name != SCORE and name not in self.options.categories:
                factor = unit_factor(before, after)
            limit = self.options.harmful_factor
            if factor is not None and not 1.0 / limit < factor < limit:
                kind, harm = "data", True
                words = f"all values are {factor:,.4g} times as large: another unit? {words}"
            elif is_stuck(before, after):
                kind, harm = "data", True
                words = f"nearly all values are the same now; {words}"
        return Alarm(
            kind="data" if kind == "data" else "drift",
            subject=name,
            value=shift,
            bound=bound.bound,
            sentence=f"{name}: {words}; {_rate_words(shift, bound)}",
            harm=harm,
            false_alarm_rate=bound.false_alarm_rate,
        )

    def _counts(self, current: PeriodData, rows: Rows) -> list[Alarm]:
        options = self.options
        reference = self.reference or _NO_ROWS
        now = never_seen_before(self.weeks, reference, rows, categories=options.categories)
        nothing = [0.0] * len(self.weeks)
        new_values = {
            name: [*self.never_seen.get(name, nothing), count] for name, count in now.items()
        }
        shifts, bound = count_shifts(
            self.quiet,
            current,
            new_values,
            rows=float(len(rows)),
            rate=options.false_alarm_rate - self._rate_of_columns,
            resamples=options.resamples,
            seed=options.seed,
        )
        return [self._count_alarm(shift, bound) for shift in shifts]

    @property
    def _rate_of_columns(self) -> float:
        part = _OF_COLUMNS_ALONE if self.reference is None else _OF_COLUMNS + _OF_REFERENCE
        return self.options.false_alarm_rate * part

    def _count_alarm(self, shift: CountShift, bound: Threshold) -> Alarm:
        name, harm = shift.name, False
        words = f"{name}: {shift.value:,.0f}, {shift.usual:,.0f} in a quiet week"
        if shift.of:
            words = f"{name}: {shift.value:.2%} of the {shift.of}, usually {shift.usual:.2%}"
        if name.startswith((NEVER_SEEN, DEAD_LETTER)):
            harm = shift.value - shift.usual >= self.options.harmful_share
        if name == LATENESS:
            words = f"{name}: events arrive {shift.value / 1000:,.1f} s late in the median, "
            words += f"{shift.usual / 1000:,.1f} s in quiet weeks"
        subject = name.removeprefix(NEVER_SEEN)
        if name.startswith(NEVER_SEEN):
            words = f"{subject}: {shift.value:.2%} of the values were never seen before, usually "
            words += f"{shift.usual:.2%}"
        return Alarm(
            kind="drift" if name.startswith(REASON) else "data",
            subject=subject,
            value=abs(shift.shift),
            bound=bound.bound,
            sentence=f"{words}; {_rate_words(shift.shift, bound)}",
            harm=harm,
            false_alarm_rate=bound.false_alarm_rate,
        )

    def _schema(self, current: PeriodData) -> list[Alarm]:
        """Columns that came or went; this is exact, so it has no false alarms."""
        before, after = set(self.quiet[-1].feature_names), set(current.feature_names)
        words = {True: "the column is gone", False: "the column is new"}
        return [
            Alarm(
                kind="data",
                subject=name,
                value=1.0,
                bound=1.0,
                sentence=f"{name}: {words[name in before]}",
                harm=name in before,
                false_alarm_rate=0.0,
            )
            for name in sorted(before ^ after)
        ]


def quiet_weeks(
    quiet: Sequence[PeriodData], reference: PeriodData | None, *, options: DriftOptions
) -> QuietWeeks | None:
    """The thresholds of `quiet`, periods of one length by rising time; None: they are too few.

    reference: the training snapshot as a period, whose scores may be missing; None: there is none
    """
    quiet = [week for week in quiet if len(week.cases)]
    if len(quiet) < options.least_quiet_weeks:
        return None
    weeks = [rows_of(week, most_rows=options.most_rows, seed=options.seed) for week in quiet]
    # A column that came later is tested once all quiet weeks have it.
    names = [name for name in weeks[0].columns if all(name in week.columns for week in weeks)]
    pooled = Rows(
        columns={name: np.concatenate([week.columns[name] for week in weeks]) for name in names},
        entities=np.concatenate([week.entities for week in weeks]),
    )
    scales = Scales(
        columns=[
            column_scale(name, pooled.columns[name], is_category=name in options.categories)
            for name in names
        ]
    )
    spread, pseudo_weeks = quiet_spread(weeks, scales, seed=options.seed)
    of_columns = _OF_COLUMNS_ALONE if reference is None else _OF_COLUMNS
    bound = pseudo_weeks.against_history(
        spread,
        rate=options.false_alarm_rate * of_columns,
        count=options.resamples,
        seed=options.seed,
    )
    rows, figures, reference_bound = _reference(reference, scales, spread, pseudo_weeks, options)
    return QuietWeeks(
        quiet=quiet,
        weeks=weeks,
        pooled=pooled,
        scales=scales,
        spread=spread,
        bound=bound,
        never_seen=never_seen_by_week(weeks, rows or _NO_ROWS, categories=options.categories),
        reference=rows,
        reference_figures=figures,
        reference_bound=reference_bound,
        options=options,
    )


def _reference(
    reference: PeriodData | None,
    scales: Scales,
    spread: Spread,
    pseudo_weeks: PseudoWeeks,
    options: DriftOptions,
) -> tuple[Rows | None, Floats | None, Threshold | None]:
    if reference is None:
        return None, None, None
    most_rows = options.most_rows * 4  # it is one sample, compared with every week
    rows = rows_of(reference, most_rows=most_rows, seed=options.seed)
    columns = dict(rows.columns)
    if np.isnan(columns[SCORE]).all():
        del columns[SCORE]  # a training snapshot has no scores
    rows = Rows(columns=columns, entities=rows.entities)
    figures = scales.figures_of(rows)
    figures[~np.isin(scales.names, list(columns))] = np.nan
    bound = pseudo_weeks.against_reference(
        spread,
        reference_rows=len(rows),
        rate=options.false_alarm_rate * _OF_REFERENCE,
        count=options.resamples,
        seed=options.seed,
    )
    return rows, figures, bound


def drift_test(
    reference: PeriodData | None,
    quiet: Sequence[PeriodData],
    current: PeriodData,
    *,
    options: DriftOptions,
) -> DriftTest:
    """The alarms of `current` and what was tested; see `quiet_weeks` for the arguments."""
    thresholds = quiet_weeks(quiet, reference, options=options)
    if thresholds is None:
        counts = {"drift.quiet_weeks": len(quiet), "drift.not_enough_quiet_weeks": 1}
        return DriftTest(alarms=(), counts=counts)
    return thresholds.test(current)


def drift_alarms(
    reference: PeriodData | None,
    quiet: Sequence[PeriodData],
    current: PeriodData,
    *,
    options: DriftOptions,
) -> tuple[Alarm, ...]:
    """The alarms of `drift_test` alone; none with too few quiet weeks."""
    return drift_test(reference, quiet, current, options=options).alarms


def _distribution_words(name: str, before: Floats, after: Floats, options: DriftOptions) -> str:
    change = distribution_change(name, before, after)
    words = f"population stability index {change.psi:.2f}"
    if name in options.categories or change.old.mean is None or change.new.mean is None:
        return words
    deviations = [float(np.nanstd(values)) for values in (before, after)]
    return (
        f"mean {change.old.mean:,.4g} → {change.new.mean:,.4g}, standard deviation "
        f"{deviations[0]:,.4g} → {deviations[1]:,.4g}, {words}"
    )


def _rate_words(shift: float, bound: Threshold) -> str:
    return (
        f"{abs(shift):.1f} standard errors, the alarm begins at {bound.bound:.1f}, which "
        f"{bound.false_alarm_rate:.1%} of resampled quiet weeks exceed"
    )
