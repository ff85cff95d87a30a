"""Quality of a model on the control group: those acted on do not show what would have happened.

An offer that works keeps customers with a high score, so the model looks worse on them than it is.
The control group is random, so the figures on it hold for all; the naive ones on all cases stand
beside them.
"""

import numpy as np

from lifecycle.gates.bootstrap import Measure, Rows, auroc, average_precision, interval
from monitoring.business.effect import LEAST_OF_AN_OUTCOME
from monitoring.cases import Cases
from monitoring.period_report import Interval, Maturity, Measurement

CONTROL_PART = "group=control"
_METRICS: dict[str, Measure] = {"auroc": auroc, "average_precision": average_precision}


def control_quality(
    cases: Cases, *, maturity: Maturity, rounds: int = 400, seed: int = 22
) -> tuple[Measurement, ...]:
    """AUROC and average precision of the control group and, as part "", of all cases.

    Where no case is in a control group, those of all cases stay out: they would be no naive
    figures.
    """
    if not cases.is_control.any():
        reason = "no case is in a control group"
        return tuple(_unknown(metric, cases, maturity, reason) for metric in _METRICS)
    control = cases.where(cases.is_control)
    return tuple(
        _measurement(metric, part, group, maturity, rounds=rounds, seed=seed)
        for part, group in ((CONTROL_PART, control), ("", cases))
        for metric in _METRICS
    )


def _measurement(
    metric: str, part: str, group: Cases, maturity: Maturity, *, rounds: int, seed: int
) -> Measurement:
    labelled = group.where(group.is_labelled)
    positives = int(labelled.labels.sum())
    rarer = min(positives, len(labelled) - positives)
    if rarer < LEAST_OF_AN_OUTCOME:
        reason = f"{rarer} cases of the rarer outcome, {LEAST_OF_AN_OUTCOME} are needed"
        return _unknown(metric, group, maturity, reason, part=part)
    rows = Rows(
        outcomes=labelled.labels.astype(np.int64),
        entities=np.unique(labelled.entities, return_inverse=True)[1].astype(np.int64),
    )
    result = interval(_METRICS[metric], rows, labelled.scores, rounds=rounds, seed=seed)
    return Measurement(
        metric=metric,
        part=part,
        maturity=maturity,
        interval=Interval(value=result.value, low=result.low, high=result.high),
        labels=len(labelled),
        predictions=len(group),
        method="bootstrap of entities"
        + ("" if part else "; customers who were acted on are among them"),
    )


def _unknown(
    metric: str, group: Cases, maturity: Maturity, reason: str, *, part: str = CONTROL_PART
) -> Measurement:
    return Measurement(
        metric=metric,
        part=part,
        maturity=maturity,
        interval=Interval(value=None),
        labels=int(group.is_labelled.sum()),
        predictions=len(group),
        reason=reason,
    )
