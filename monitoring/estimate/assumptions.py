"""Why the quality of a period cannot be estimated from its scores."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from monitoring.cases import Cases, Floats
from monitoring.estimate.calibration import agreement_p_value, fit_calibration
from monitoring.period_data import PeriodData
from monitoring.quality.measurements import measured_cases
from monitoring.quality.options import QualityOptions

_TAIL = 0.001  # of each feature's reference values on either side


@dataclass(frozen=True, kw_only=True)
class EstimateOptions:
    """How quality is estimated.

    quality              what is measured, and on whom
    calibration_periods  mature periods, the newest ones, that scores are calibrated on
    rejected_below       p-value below which the newest mature period's calibration counts as
                         different from that of the periods before: what was learnt no longer holds
    most_outside         share of the cases with a feature outside its reference, or missing beyond
                         the reference's share
    least_cases          of a period, or of a slice
    least_expected       expected positives and negatives
    draws                of calibration and labels, for the interval
    """

    quality: QualityOptions = field(default_factory=QualityOptions)
    calibration_periods: int = 8
    rejected_below: float = 0.01
    most_outside: float = 0.05
    least_cases: int = 200
    least_expected: float = 10.0
    draws: int = 200


def failed_assumption(
    current: PeriodData, mature: Sequence[PeriodData], *, options: EstimateOptions
) -> str:
    """The first assumption that fails for a period, as a sentence; "": all hold.

    mature: mature periods of the same model, oldest first.
    """
    return (
        _acted_on(current.cases, mature, options)
        or _too_few(current.cases, mature, options)
        or _calibration_changed(mature, options)
        or _outside_reference(current, mature, options)
    )


def calibration_cases(
    mature: Sequence[PeriodData], options: EstimateOptions
) -> tuple[Floats, Floats]:
    """Scores and labels of what scores are calibrated on."""
    parts = [_labelled(data.cases, options) for data in mature[-options.calibration_periods :]]
    if not parts:
        return np.empty(0), np.empty(0)
    return (
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _labelled(cases: Cases, options: EstimateOptions) -> Cases:
    measured = measured_cases(cases, options.quality)
    return measured.where(measured.is_labelled)


def _acted_on(cases: Cases, mature: Sequence[PeriodData], options: EstimateOptions) -> str:
    """Actions change outcomes: without a control group labels show what the action did, too."""
    everything = [cases, *(data.cases for data in mature[-options.calibration_periods :])]
    acted_on = sum(int((~part.is_control & (part.propensity < 1.0)).sum()) for part in everything)
    controls = [int(part.is_control.sum()) for part in everything]
    if options.quality.is_control_only and min(controls) == 0:
        return "customers are acted on and a period has no control group"
    if acted_on and not options.quality.is_control_only:
        return (
            f"{acted_on} cases were acted on or could have been: their labels show the effect of "
            "the action; measure on the control group"
        )
    return ""


def _too_few(cases: Cases, mature: Sequence[PeriodData], options: EstimateOptions) -> str:
    count = len(measured_cases(cases, options.quality))
    if count < options.least_cases:
        return f"{count} cases, {options.least_cases} are needed"
    if len(mature) < 2:
        return f"{len(mature)} mature periods of this model, 2 are needed to calibrate its scores"
    labels = calibration_cases(mature, options)[1]
    positives = int(labels.sum())
    least = options.quality.least_of_class
    if min(positives, len(labels) - positives) < least:
        return (
            f"{positives} positive and {len(labels) - positives} negative labels in mature "
            f"periods, {least} of each are needed to calibrate the scores"
        )
    return ""


def _calibration_changed(mature: Sequence[PeriodData], options: EstimateOptions) -> str:
    newest = _labelled(mature[-1].cases, options)
    positives = int(newest.labels.sum())
    if min(positives, len(newest) - positives) < options.quality.least_of_class:
        return (
            f"the newest mature period (number {mature[-1].period.number}) has {positives} "
            f"positive labels of {len(newest)}: too few to check the calibration"
        )
    before = fit_calibration(*calibration_cases(mature[:-1], options))
    p_value = agreement_p_value(before, fit_calibration(newest.scores, newest.labels))
    if p_value >= options.rejected_below:
        return ""
    return (
        f"the scores' calibration in the newest mature period (number {mature[-1].period.number}) "
        f"differs from that of the periods before (p = {p_value:.2g})"
    )


def _outside_reference(
    current: PeriodData, mature: Sequence[PeriodData], options: EstimateOptions
) -> str:
    used = mature[-options.calibration_periods :]
    if any(list(data.feature_names) != list(current.feature_names) for data in used):
        return "the features are not those of the mature periods"
    reference = np.concatenate([data.features for data in used])
    for column, name in enumerate(current.feature_names):
        values, usual = current.features[:, column], reference[:, column]
        usual_missing = float(np.isnan(usual).mean())
        missing = float(np.isnan(values).mean()) - usual_missing
        if missing > options.most_outside:
            return (
                f"{name} is missing in {missing + usual_missing:.0%} of the cases, in mature "
                f"periods in {usual_missing:.0%}"
            )
        if usual_missing == 1.0:
            continue
        low, high = np.nanquantile(usual, [_TAIL, 1.0 - _TAIL])
        outside = float(((values < low) | (values > high)).mean())
        if outside > options.most_outside + 2.0 * _TAIL:
            return (
                f"{name} lies outside the range of the mature periods ({low:.4g} to {high:.4g}) in "
                f"{outside:.0%} of the cases"
            )
    return ""
