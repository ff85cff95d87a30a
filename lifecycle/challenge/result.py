"""The comparison in figures: each design's difference over time, its interval and its verdict."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from lifecycle.challenge.cases import ArmCases, Cases, Measure, Pairs
from lifecycle.challenge.confidence_sequence import ALPHA, estimate, tightest_rho
from lifecycle.challenge.slices import SliceResult, slice_results
from lifecycle.challenge.verdict import Word, verdict
from lifecycle.gates.gate import Bounds

Floats = npt.NDArray[np.float64]

PAIRS, ARMS, SHADOW = "both score", "arms", "shadow"
_POINTS = 120  # of a chart


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What was known at `at_ms` (UTC epoch ms): values, mean difference, interval."""

    at_ms: int
    count: int
    mean: float
    low: float
    high: float


class DesignResult(msgspec.Struct, frozen=True, kw_only=True):
    """One way to compare: the difference of the measure, other version less champion.

    design     "both score" (both versions scored the same events, difference per label), "arms"
               (difference per entity of those that each decided for) or "shadow" (per label)
    failed     labels whose event one of the two could not score
    deviation  standard deviation of a value
    more       about how many more labels it takes; None: not to be said, or it is known
    """

    design: str
    other: str
    count: int
    failed: int
    champion_mean: float | None
    other_mean: float | None
    mean: float
    low: float | None
    high: float | None
    deviation: float | None
    word: Word
    more: int | None
    sentence: str
    points: list[Point]


class ComparisonResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `compare_live` found; `verdict` is that of the design that was fixed beforehand."""

    scenario: str
    experiment: str
    made_at: str
    measure: str
    alpha: float
    tightest_at: int
    champion: str
    predictions: int
    designs: list[DesignResult]
    slices: list[SliceResult]
    verdict: str


def compared(
    cases: Cases,
    measure: Measure,
    *,
    scenario: str,
    made_at: str,
    tightest_at: int,
    bounds: Bounds | None = None,
) -> ComparisonResult:
    """Compare the versions of an experiment on its mature labels.

    bounds: of the gates, whose slices are looked at (of the challenger, or else of the shadow).
    tightest_at: at how many values intervals shall be tightest; it must not follow from the data.
    The final verdict is the shadow's where there is no challenger; a challenger's is that of the
    pairs for Brier scores, and that of the arms for costs, which only the deciding version causes.
    """
    rho = tightest_rho(tightest_at)
    designs = []
    if cases.pairs is not None:
        other = f"challenger version {cases.challenger_version}"
        designs.append(_of_pairs(PAIRS, cases.pairs, measure, other, rho))
    if cases.arms is not None:
        other = f"challenger version {cases.challenger_version}"
        designs.append(_of_arms(cases.arms, measure, other, rho))
    if cases.shadow is not None:
        other = f"shadow version {cases.shadow_version}"
        designs.append(_of_pairs(SHADOW, cases.shadow, measure, other, rho))
    looked_at = cases.pairs or cases.shadow
    slices = []
    if looked_at is not None and bounds is not None:
        slices = slice_results(looked_at, bounds, tightest_at=tightest_at)
    return ComparisonResult(
        scenario=scenario,
        experiment=cases.experiment,
        made_at=made_at,
        measure=measure.name,
        alpha=ALPHA,
        tightest_at=tightest_at,
        champion=cases.champion_version,
        predictions=cases.predictions,
        designs=designs,
        slices=slices,
        verdict=_final(designs, measure),
    )


def _final(designs: Sequence[DesignResult], measure: Measure) -> str:
    of_challenger = ARMS if measure.name == "cost" else PAIRS
    by_name = {design.design: design for design in designs}
    design = by_name.get(of_challenger) or by_name.get(SHADOW)
    if design is None:
        return "not known yet: no prediction of the experiment has a mature label"
    return design.sentence


def _of_pairs(name: str, pairs: Pairs, measure: Measure, other: str, rho: float) -> DesignResult:
    differences = pairs.differences(measure)
    champion = measure.of(pairs.champion, pairs.labels, pairs.thresholds)

    def until(at_ms: int) -> Floats:
        return differences[pairs.known_ms <= at_ms]

    return _design(
        name,
        other,
        differences,
        measure,
        rho,
        unit="labels",
        failed=pairs.failed,
        means=(_mean(champion), _mean(champion + differences)),
        points=_points(pairs.known_ms, until, rho),
    )


def _of_arms(arms: ArmCases, measure: Measure, other: str, rho: float) -> DesignResult:
    costs = measure.of(arms.scores, arms.labels, arms.thresholds)

    def until(at_ms: int) -> Floats:
        return arms.until(at_ms).differences(measure)

    return _design(
        ARMS,
        other,
        arms.differences(measure),
        measure,
        rho,
        unit="entities",
        failed=0,
        means=(_mean(costs[~arms.in_challenger]), _mean(costs[arms.in_challenger])),
        points=_points(arms.known_ms, until, rho),
    )


def _design(
    name: str,
    other: str,
    differences: Floats,
    measure: Measure,
    rho: float,
    *,
    unit: str,
    failed: int,
    means: tuple[float | None, float | None],
    points: list[Point],
) -> DesignResult:
    difference = estimate(differences, rho=rho)
    words = {"brier": "Brier score", "cost": "cost per case"}[measure.name]
    judged = verdict(difference, rho=rho, alpha=ALPHA, other=other, measure=words, unit=unit)
    is_known = np.isfinite(difference.radius)
    return DesignResult(
        design=name,
        other=other,
        count=difference.count,
        failed=failed,
        champion_mean=means[0],
        other_mean=means[1],
        mean=difference.mean,
        low=difference.low if is_known else None,
        high=difference.high if is_known else None,
        deviation=difference.deviation if is_known else None,
        word=judged.word,
        more=judged.more,
        sentence=judged.sentence,
        points=points,
    )


def _points(
    known_ms: npt.NDArray[np.int64], until: Callable[[int], Floats], rho: float
) -> list[Point]:
    """Estimates at evenly spaced times from the first label to the last."""
    if not len(known_ms):
        return []
    first, last = int(known_ms.min()), int(known_ms.max())
    points = []
    for at_ms in np.unique(np.linspace(first, last, _POINTS).astype(np.int64)).tolist():
        at = estimate(until(at_ms), rho=rho)
        if np.isfinite(at.radius):
            point = Point(at_ms=at_ms, count=at.count, mean=at.mean, low=at.low, high=at.high)
            points.append(point)
    return points


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None
