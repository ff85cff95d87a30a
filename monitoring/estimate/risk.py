"""Risk monitoring with one budget of false alarms for the whole life of a model.

Prediction-powered risk monitoring (arXiv 2602.02229): the mean loss of labelled cases, improved by
the expected loss of unlabelled ones. A running mean from the first period on would hide a recent
fall behind a long good past; so a further running mean begins every few periods, and all of them
share the budget (`shared_delta`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.evaluation.auroc import auroc_influences
from monitoring.cases import Cases, Floats
from monitoring.estimate.anytime_bound import lower_bounds, shared_delta
from monitoring.estimate.calibration import Calibration, fit_calibration
from monitoring.estimate.losses import Loss
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm, Interval, Measurement
from monitoring.quality.clusters import Z_95

_ONE_SIDED_95 = 1.6448536
_LEAST_OF_CLASS = 10


class NoReference(ValueError):
    """Too few labelled cases to say which loss is tolerated."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class RiskOptions:
    """How a model's risk is watched; fixed for its life.

    loss              mean of a loss per case; not used with `is_ranking`
    is_ranking        the risk is 1 - AUROC (of labelled cases only): where positives are rare a
                      mean loss follows their number more than how well they are seen coming
    budget            probability of any false alarm in the whole life of the model
    tolerated_rise    share of the reference's loss that the loss may rise
    is_control_only   labels of the control group only count, since actions change outcomes; the
                      other cases count as unlabelled
    least_coverage    share of the cases that count as labelled without which a period is left
                      out: labels that are missing because they are late are no random sample
    least_labels      in a period, without which it is left out
    window_periods    a further running mean begins every so many periods
    tightest_periods  periods after which the bound is tightest
    """

    loss: Loss = field(default_factory=Loss)
    is_ranking: bool = False
    budget: float = 0.05
    tolerated_rise: float = 0.0
    is_control_only: bool = False
    least_coverage: float = 0.95
    least_labels: int = 50
    window_periods: int = 4
    tightest_periods: int = 6

    @property
    def subject(self) -> str:
        """What is watched, as alarms name it."""
        return "auroc" if self.is_ranking else self.loss.kind


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is tolerated: the reference's loss (95 % upper bound of its mean) and the rise.

    calibration gives the proxies; variance is that of a period's risk, about
    """

    loss: float
    tolerated: float
    calibration: Calibration
    period_variance: float


@dataclass(frozen=True, kw_only=True)
class RiskPoint:
    """What is known of the risk after one mature period.

    number        of the period
    risk, error   R_s and sigma_s; NaN for a period that is left out, and `reason` says why
    proxy_weight  λ_s
    lower_bound   the highest L_t of the running means; `window_first` is the first period of that
                  one. They stay as they were when a period is left out
    """

    number: int
    risk: float
    error: float
    proxy_weight: float
    lower_bound: float
    window_first: int
    tolerated: float
    labels: int
    predictions: int
    reason: str = ""

    @property
    def is_alarm(self) -> bool:
        """Whether the risk is above what is tolerated."""
        return self.lower_bound > self.tolerated


def reference(periods: Sequence[PeriodData], *, options: RiskOptions) -> Reference:
    """The reference of a model: its held-out rows, or its first mature periods.

    Raises `NoReference` when they hold too few labels of either class.
    """
    parts = [_labelled(data.cases, options) for data in periods]
    scores = np.concatenate([part.scores for part in parts]) if parts else np.empty(0)
    labels = np.concatenate([part.labels for part in parts]) if parts else np.empty(0)
    positives = int(labels.sum())
    if min(positives, len(labels) - positives) < _LEAST_OF_CLASS:
        raise NoReference(
            f"the reference has {positives} positive and {len(labels) - positives} negative "
            f"labels; expected at least {_LEAST_OF_CLASS} of each"
        )
    if options.is_ranking:
        loss, error = _ranking_risk(scores, labels)
    else:
        losses = np.concatenate([options.loss.of_labels(part, part.labels) for part in parts])
        loss, error = float(losses.mean()), float(losses.std(ddof=1)) / math.sqrt(len(losses))
    return Reference(
        loss=loss,
        tolerated=loss + _ONE_SIDED_95 * error + options.tolerated_rise * loss,
        calibration=fit_calibration(scores, labels),
        period_variance=error**2 * len(parts),
    )


def risk_path(
    periods: Sequence[PeriodData], *, against: Reference, options: RiskOptions
) -> tuple[RiskPoint, ...]:
    """The risk after each of the mature `periods` of one model, oldest first.

    A pure function of the periods: what it said of a period never changes when later ones come.
    """
    points: list[RiskPoint] = []
    risks: list[float] = []
    errors: list[float] = []
    numbers: list[int] = []
    moments = _Moments()
    bound, first = -math.inf, periods[0].period.number if periods else 0
    for data in periods:
        number = data.period.number
        labelled = _labelled(data.cases, options)
        reason = _left_out(data.cases, labelled, options)
        weight, risk, error = 0.0, math.nan, math.nan
        if not options.is_ranking:
            unlabelled = _unlabelled(data.cases, options)
            weight = moments.weight(len(labelled), len(unlabelled))
        if not reason and options.is_ranking:
            risk, error = _ranking_risk(labelled.scores, labelled.labels)
        elif not reason:
            losses = options.loss.of_labels(labelled, labelled.labels)
            proxies = options.loss.expected(labelled, against.calibration)
            others = options.loss.expected(unlabelled, against.calibration)
            risk, error = _period_risk(losses, proxies, others, weight)
            moments.add(losses, proxies)
        if not reason:
            risks.append(risk)
            errors.append(error)
            numbers.append(number)
            bound, first = _highest_bound(risks, errors, numbers, against, options)
        points.append(
            RiskPoint(
                number=number,
                risk=risk,
                error=error,
                proxy_weight=weight,
                lower_bound=bound,
                window_first=first,
                tolerated=against.tolerated,
                labels=len(labelled),
                predictions=len(data.cases),
                reason=reason,
            )
        )
    return tuple(points)


def risk_alarm(point: RiskPoint, *, options: RiskOptions) -> Alarm | None:
    """The alarm of a period, when there is one."""
    if not point.is_alarm:
        return None
    return Alarm(
        kind="risk",
        subject=options.subject,
        value=point.lower_bound,
        bound=point.tolerated,
        sentence=(
            f"The mean risk ({_risk_words(options)}) since period {point.window_first} is at least "
            f"{point.lower_bound:.4g}, above the {point.tolerated:.4g} that are tolerated; in the "
            f"whole life of a model whose risk is tolerable the probability of this alarm is at "
            f"most {options.budget:.0%}."
        ),
        harm=True,
        false_alarm_rate=options.budget,
    )


def risk_measurement(point: RiskPoint, *, options: RiskOptions) -> Measurement:
    """The risk of one period by itself, R_s and its 95 % interval, as the metric "risk"."""
    interval = Interval(value=None)
    if not point.reason:
        radius = Z_95 * point.error
        interval = Interval(value=point.risk, low=point.risk - radius, high=point.risk + radius)
    return Measurement(
        metric="risk",
        part="",
        maturity="mature",
        interval=interval,
        labels=point.labels,
        predictions=point.predictions,
        reason=point.reason,
        method=f"{_risk_words(options)}, prediction-powered with weight {point.proxy_weight:.2f}",
    )


def _risk_words(options: RiskOptions) -> str:
    return "1 - AUROC" if options.is_ranking else f"{options.loss.kind} loss"


class _Moments:
    """Sums over the labelled cases of earlier periods, which give λ for the next one."""

    def __init__(self) -> None:
        self._count = 0.0
        self._loss = self._proxy = self._product = self._square = 0.0

    def add(self, losses: Floats, proxies: Floats) -> None:
        self._count += len(losses)
        self._loss += float(losses.sum())
        self._proxy += float(proxies.sum())
        self._product += float((losses * proxies).sum())
        self._square += float((proxies**2).sum())

    def weight(self, labelled: int, unlabelled: int) -> float:
        """λ that makes the variance smallest (Angelopoulos, Duchi, Zrnic, arXiv 2311.01453)."""
        if not unlabelled or not self._count:
            return 0.0
        mean_loss, mean_proxy = self._loss / self._count, self._proxy / self._count
        variance = self._square / self._count - mean_proxy**2
        if variance <= 0.0:
            return 0.0
        covariance = self._product / self._count - mean_loss * mean_proxy
        best = covariance / (variance * (1.0 + labelled / unlabelled))
        return min(max(best, 0.0), 1.0)


def _ranking_risk(scores: Floats, labels: Floats) -> tuple[float, float]:
    """1 - AUROC and its standard error (DeLong)."""
    area, influences = auroc_influences(labels, scores)
    return 1.0 - area, math.sqrt(float((influences**2).sum()))


def _period_risk(
    losses: Floats, proxies: Floats, others: Floats, weight: float
) -> tuple[float, float]:
    """R_s and sigma_s."""
    risk = float(losses.mean())
    rest = losses - weight * proxies
    variance = float(rest.var(ddof=1)) / len(rest)
    if weight and len(others) > 1:
        risk += weight * float(others.mean() - proxies.mean())
        variance += weight**2 * float(others.var(ddof=1)) / len(others)
    return risk, math.sqrt(variance)


def _highest_bound(
    risks: Sequence[float],
    errors: Sequence[float],
    numbers: Sequence[int],
    against: Reference,
    options: RiskOptions,
) -> tuple[float, int]:
    """The highest L_t of all running means at the newest period, and where that one begins."""
    return max(
        (_newest_bound(risks[start:], errors[start:], delta, against, options), numbers[start])
        for start, delta in _windows(len(risks), options)
    )


def _windows(count: int, options: RiskOptions) -> Iterator[tuple[int, float]]:
    """Where the running means begin, and the part of the budget of each."""
    for place, start in enumerate(range(0, count, options.window_periods)):
        yield start, shared_delta(options.budget, place)


def _newest_bound(
    risks: Sequence[float],
    errors: Sequence[float],
    delta: float,
    against: Reference,
    options: RiskOptions,
) -> float:
    target = against.period_variance * options.tightest_periods
    bounds = lower_bounds(np.array(risks), np.array(errors), delta=delta, target_variance=target)
    return float(bounds[-1])


def _counted(cases: Cases, options: RiskOptions) -> Cases:
    return cases.where(cases.is_control) if options.is_control_only else cases


def _labelled(cases: Cases, options: RiskOptions) -> Cases:
    counted = _counted(cases, options)
    return counted.where(counted.is_labelled)


def _unlabelled(cases: Cases, options: RiskOptions) -> Cases:
    if options.is_control_only:
        return cases.where(~cases.is_control | ~cases.is_labelled)
    return cases.where(~cases.is_labelled)


def _left_out(cases: Cases, labelled: Cases, options: RiskOptions) -> str:
    """Why a period says nothing of the risk; "" when it does."""
    counted = len(_counted(cases, options))
    if len(labelled) < options.least_labels:
        return f"{len(labelled)} labels, {options.least_labels} are needed"
    positives = int(labelled.labels.sum())
    if options.is_ranking and min(positives, len(labelled) - positives) < _LEAST_OF_CLASS:
        return (
            f"{positives} positive and {len(labelled) - positives} negative labels, "
            f"{_LEAST_OF_CLASS} of each are needed"
        )
    if len(labelled) < options.least_coverage * counted:
        return (
            f"labels of {len(labelled) / counted:.0%} of the cases only, "
            f"{options.least_coverage:.0%} are needed: late labels are no random sample"
        )
    return ""
