"""How the losses of a model are watched for its whole life: one budget, one reference, two tests.

The risk of all cases and the slices that are worse than the rest; labels that come later than usual
have the third part of the budget (`monitoring/quality/label_coverage.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from monitoring.estimate.budget import AlarmBudget
from monitoring.estimate.losses import Loss
from monitoring.estimate.risk import NoReference, RiskOptions, reference, risk_alarm, risk_path
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm
from monitoring.quality.options import QualityOptions
from monitoring.slices.worst import SliceOptions, slice_alarms, slice_tests

# Fewer are sooner there and say less: what is tolerated is the upper end of their mean's interval.
REFERENCE_PERIODS = 8


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is tolerated of one scenario's models.

    has_rare_positives  the risk is 1 - AUROC, and slices are compared by their log loss
    quality             whose labels count
    tolerated_rise      share of the reference's loss that the loss may rise
    """

    has_rare_positives: bool = False
    quality: QualityOptions
    tolerated_rise: float
    budget: AlarmBudget = field(default_factory=AlarmBudget)

    @property
    def risk(self) -> RiskOptions:
        """For the risk of all cases."""
        return RiskOptions(
            is_ranking=self.has_rare_positives,
            is_control_only=self.quality.is_control_only,
            budget=self.budget.risk,
            tolerated_rise=self.tolerated_rise,
        )

    @property
    def slices(self) -> SliceOptions:
        """For slices."""
        return SliceOptions(
            quality=self.quality,
            loss=Loss(kind="log" if self.has_rare_positives else "brier"),
            budget=self.budget.slices,
            tolerated_rise=self.tolerated_rise,
        )


def loss_alarms(
    of_version: Sequence[PeriodData],
    *,
    risk: RiskOptions,
    slices: SliceOptions,
    reference_periods: int,
) -> Iterator[tuple[int, Alarm]]:
    """Number of a period and an alarm about it, for the mature periods of one version.

    The first `reference_periods` say what is tolerated. Slices are tested on periods that have
    their labels: of those that miss more than `risk.least_coverage` allows nothing is compared.
    None where the reference has too few labels.
    """
    first, later = of_version[:reference_periods], of_version[reference_periods:]
    try:
        against = reference(first, options=risk)
    except NoReference:
        return
    for point in risk_path(later, against=against, options=risk):
        alarm = risk_alarm(point, options=risk)
        if alarm is not None:
            yield point.number, alarm
    covered = [data for data in later if _coverage(data) >= risk.least_coverage]
    with_margin = slices.with_margin(first)
    tests = slice_tests(covered, calibration=against.calibration, options=with_margin)
    for data in covered:
        number = data.period.number
        for alarm in slice_alarms(tests, period=number, options=with_margin):
            yield number, alarm


def _coverage(data: PeriodData) -> float:
    return float(data.cases.is_labelled.mean()) if len(data.cases) else 0.0
