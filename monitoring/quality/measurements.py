"""How good the predictions of a period were, by the labels that are known, in all and per slice."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from monitoring.cases import Cases, Floats
from monitoring.period_report import Interval, Maturity, Measurement
from monitoring.quality.calibration_error import calibration_error_interval
from monitoring.quality.clusters import mean_interval, share_interval
from monitoring.quality.options import QualityOptions
from monitoring.quality.ranking import auroc_interval, average_precision_interval

PARTIAL = "labels so far, which are no random sample: late ones are missing"
CONTROL = "control group only, since actions change outcomes"


def quality(
    cases: Cases, *, maturity: Maturity, options: QualityOptions
) -> tuple[Measurement, ...]:
    """All measures of the cases, and those of each declared slice.

    maturity: "mature" or "partial", whether labels are still to come; `Measurement.method` of a
    partial cohort says that its labels are no random sample. Metrics: auroc, average_precision,
    brier, calibration_error, positive_share (the prevalence); precision, recall and specificity at
    the limit of the highest band, and as precision.BAND and so on at those of the bands between;
    cost (per case, with costs only).
    Where a slice has fewer labels than `least_labels`, or a class has too few, the value is None
    and the reason says so.
    """
    measured = measured_cases(cases, options)
    return tuple(
        measurement
        for part, part_cases in declared_parts(measured)
        for measurement in _measurements(part, part_cases, maturity, options)
    )


def part_quality(
    part: str, cases: Cases, *, maturity: Maturity, options: QualityOptions
) -> tuple[Measurement, ...]:
    """All measures of the cases of one part, which the caller has picked; see `quality`."""
    return tuple(_measurements(part, measured_cases(cases, options), maturity, options))


def measured_cases(cases: Cases, options: QualityOptions) -> Cases:
    """The cases that quality is measured on."""
    return cases.where(cases.is_control) if options.is_control_only else cases


def declared_parts(cases: Cases) -> Iterator[tuple[str, Cases]]:
    """All cases as "", then the cases of every value of every declared slice as COLUMN=VALUE."""
    yield "", cases
    for column, codes in cases.slices.items():
        for code, value in enumerate(cases.slice_values[column]):
            rows = codes == code
            if rows.any():
                yield f"{column}={value}", cases.where(rows)


def band_metrics(cases: Cases) -> list[tuple[str, str, int]]:
    """Names of precision and recall, and the band from which on a case counts as positive."""
    top = len(cases.band_names) - 1
    named = [(f".{cases.band_names[band]}", band) for band in range(1, top)]
    if top > 0:
        named.append(("", top))
    return [(f"precision{suffix}", f"recall{suffix}", band) for suffix, band in named]


def specificity_of(recall: str) -> str:
    """The name of the specificity at the limit that the metric `recall` is measured at."""
    return recall.replace("recall", "specificity")


def too_few(cases: Cases, part: str, options: QualityOptions) -> str:
    """Why nothing can be measured on the labels of these cases; "" when something can."""
    labels = int(cases.is_labelled.sum())
    positives = int(np.nansum(cases.labels))
    if part and labels < options.least_labels:
        return f"{labels} labels, {options.least_labels} are needed for a slice"
    if min(positives, labels - positives) < options.least_of_class:
        return (
            f"{positives} positive and {labels - positives} negative labels, "
            f"{options.least_of_class} of each are needed"
        )
    return ""


def decision_costs(cases: Cases, labels: Floats, options: QualityOptions) -> Floats | None:
    """What the decision on each case costs given labels (..., n), in currency; None: no costs.

    A case in the highest band counts as flagged: a positive below it is missed, a negative in it
    is a false alarm.
    """
    if options.missed_cost is None or options.false_alarm_cost is None:
        return None
    is_flagged = cases.bands == len(cases.band_names) - 1
    costs: Floats = np.where(
        is_flagged, (1.0 - labels) * options.false_alarm_cost, labels * options.missed_cost
    )
    return costs


def _measurements(
    part: str, cases: Cases, maturity: Maturity, options: QualityOptions
) -> Iterator[Measurement]:
    labelled = cases.where(cases.is_labelled)
    reason = too_few(cases, part, options)
    notes = [CONTROL] if options.is_control_only else []
    if maturity == "partial":
        notes.append(PARTIAL)

    for metric, interval_of, method, why in _measures(labelled, reason, options):
        if options.metrics and metric not in options.metrics:
            continue
        yield Measurement(
            metric=metric,
            part=part,
            maturity=maturity,
            interval=Interval(value=None) if why else interval_of(),
            labels=len(labelled),
            predictions=len(cases),
            reason=why,
            method="; ".join([method, *notes]),
        )


def _measures(
    cases: Cases, reason: str, options: QualityOptions
) -> Iterator[tuple[str, Callable[[], Interval], str, str]]:
    """Metric, its interval, method and reason of each measure of labelled cases.

    The interval is computed by a call, where there is no reason against it.
    """
    labels, scores, entities = cases.labels, cases.scores, cases.entities
    resampling = {"rounds": options.bootstrap_rounds, "seed": options.seed}
    resamples = f"{options.bootstrap_rounds} resamples"

    yield (
        "auroc",
        partial(auroc_interval, labels, scores, entities),
        "DeLong's variance, logit scale",
        reason,
    )
    yield (
        "average_precision",
        partial(average_precision_interval, labels, scores, entities, **resampling),
        f"bootstrap over entities, {resamples}",
        reason,
    )
    yield (
        "brier",
        partial(mean_interval, (scores - labels) ** 2, entities),
        "mean, normal interval",
        reason,
    )
    yield (
        "calibration_error",
        partial(calibration_error_interval, labels, scores, entities, **resampling),
        f"ten equal bins, basic bootstrap, {resamples}",
        reason,
    )
    yield (
        "positive_share",
        partial(share_interval, labels == 1.0, entities),
        "share of positive labels, Wilson",
        reason,
    )
    for precision, recall, band in band_metrics(cases):
        is_flagged, is_positive = cases.bands >= band, labels == 1.0
        for metric, base, successes in (
            (precision, is_flagged, is_positive),
            (recall, is_positive, is_flagged),
            (specificity_of(recall), ~is_positive, ~is_flagged),
        ):
            why = reason or ("" if base.any() else "no case reaches the band's limit")
            interval_of = partial(share_interval, successes[base], entities[base])
            yield metric, interval_of, f"at the limit of band {cases.band_names[band]}, Wilson", why
    costs = decision_costs(cases, labels, options)
    if costs is not None:
        interval_of = partial(mean_interval, costs, entities)
        yield "cost", interval_of, "mean cost of a case, normal interval", reason
