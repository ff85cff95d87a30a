"""The quality that is expected of a period before its labels are known, from calibrated scores.

Scores that are calibrated are the probabilities of the labels, so every measure has an expected
value without labels (confidence-based performance estimation; Guillory et al., "Predicting with
confidence on unseen distributions", 2021; Bialek et al., arXiv 2407.08649). It cannot see a change
of the concept itself: where that shows in the mature periods, or the inputs left what the
calibration was learnt on, it says that it cannot estimate.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from lifecycle.gates import bootstrap
from monitoring.cases import Cases, Flags, Floats
from monitoring.estimate.assumptions import EstimateOptions, calibration_cases, failed_assumption
from monitoring.estimate.calibration import Calibration, fit_calibration
from monitoring.period_data import PeriodData
from monitoring.period_report import Interval, Measurement
from monitoring.quality.measurements import (
    CONTROL,
    band_metrics,
    decision_costs,
    declared_parts,
    measured_cases,
    specificity_of,
)

_METHOD = "expected under scores calibrated on mature periods; 95 % of drawn labels"


def estimated_quality(
    current: PeriodData, mature: Sequence[PeriodData], *, options: EstimateOptions
) -> tuple[Measurement, ...]:
    """Estimates of auroc, average_precision, brier, positive_share, precision, recall and
    specificity (and cost).

    mature: mature periods of the same model, oldest first. The interval is one for the value that
    will be measured once the labels are there: it holds the chance of the labels and what is
    uncertain about the calibration. Labels that the period already has are not used. Names of
    metrics and parts are those of `quality`. Where an assumption fails all values are None with
    the reason.
    """
    reason = failed_assumption(current, mature, options=options)
    cases = measured_cases(current.cases, options.quality)
    calibration = None if reason else fit_calibration(*calibration_cases(mature, options))
    return tuple(
        measurement
        for part, part_cases in declared_parts(cases)
        for measurement in _estimates(part, part_cases, calibration, reason, options)
    )


def _estimates(
    part: str,
    cases: Cases,
    calibration: Calibration | None,
    reason: str,
    options: EstimateOptions,
) -> Iterator[Measurement]:
    if not reason and len(cases) < options.least_cases:
        reason = f"{len(cases)} cases, {options.least_cases} are needed"
    intervals: dict[str, Interval] = {}
    if calibration is not None and not reason:
        expected = calibration.probabilities(cases.scores)
        fewer = min(float(expected.sum()), float((1.0 - expected).sum()))
        if fewer < options.least_expected:
            reason = (
                f"{fewer:.1f} cases expected of the rarer class, {options.least_expected:g} are "
                "needed"
            )
        else:
            intervals = _intervals(cases, calibration, options)
    method = f"{_METHOD}; {CONTROL}" if options.quality.is_control_only else _METHOD
    for metric in _metrics(cases, options):
        interval = intervals.get(metric, Interval(value=None))
        why = reason or ("" if interval.value is not None else "no case reaches the band's limit")
        yield Measurement(
            metric=metric,
            part=part,
            maturity="estimated",
            interval=interval,
            labels=0,
            predictions=len(cases),
            reason=why,
            method=method,
        )


def _metrics(cases: Cases, options: EstimateOptions) -> list[str]:
    names = ["auroc", "average_precision", "brier", "positive_share"]
    for precision, recall, _ in band_metrics(cases):
        names += [precision, recall, specificity_of(recall)]
    if options.quality.missed_cost is not None and options.quality.false_alarm_cost is not None:
        names.append("cost")
    return names


def _intervals(
    cases: Cases, calibration: Calibration, options: EstimateOptions
) -> dict[str, Interval]:
    random = np.random.default_rng(options.quality.seed)
    expected = calibration.probabilities(cases.scores)
    probabilities = calibration.draws(cases.scores, count=options.draws, random=random)
    drawn = (random.random(probabilities.shape) < probabilities).astype(np.float64)
    resampled, value = _measures(cases, drawn, options), _measures(cases, expected[None], options)
    return {name: _interval(float(value[name][0]), values) for name, values in resampled.items()}


def _interval(value: float, resampled: Floats) -> Interval:
    usable = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(usable):
        return Interval(value=None)
    # With this method a further draw lies within as often as the level says, few draws or many.
    low, high = np.quantile(usable, [0.025, 0.975], method="weibull")
    return Interval(value=value, low=float(low), high=float(high))


def _measures(cases: Cases, labels: Floats, options: EstimateOptions) -> dict[str, Floats]:
    """Every measure (b,) under labels or their probabilities (b, n); NaN where it has none."""
    # Each case counts as a positive and as a negative, with the weights of the two.
    outcomes = np.repeat(np.array([1, 0]), len(cases))
    scores = np.tile(cases.scores, 2)
    weights = np.concatenate([labels, 1.0 - labels], axis=1)
    loss = (1.0 - labels) * cases.scores**2 + labels * (1.0 - cases.scores) ** 2
    measures = {
        "auroc": bootstrap.auroc(outcomes, scores, weights),
        "average_precision": bootstrap.average_precision(outcomes, scores, weights),
        "brier": loss.mean(axis=1),
        "positive_share": labels.mean(axis=1),
    }
    for precision, recall, band in band_metrics(cases):
        hits, flagged = _hits(labels, cases.bands >= band)
        with np.errstate(invalid="ignore", divide="ignore"):
            measures[precision] = hits / flagged
            measures[recall] = hits / labels.sum(axis=1)
            passed = _hits(1.0 - labels, cases.bands < band)[0]
            measures[specificity_of(recall)] = passed / (1.0 - labels).sum(axis=1)
    costs = decision_costs(cases, labels, options.quality)
    if costs is not None:
        measures["cost"] = costs.mean(axis=1)
    return measures


def _hits(labels: Floats, is_flagged: Flags) -> tuple[Floats, float]:
    return labels[:, is_flagged].sum(axis=1), float(is_flagged.sum())
