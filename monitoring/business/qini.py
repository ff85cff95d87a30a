"""Qini curve: outcomes avoided when only the first so many cases of a ranking are acted on.

Radcliffe, "Using control groups to target on predicted lift: building and assessing uplift models"
(2007): at each share of the ranking, the control arm's outcomes, scaled to the acted-on arm's size,
less the acted-on arm's. The Qini coefficient is the area between the curve and the straight line to
its end, which a random ranking would follow: positive when the ranking puts those first whom the
action helps most. Cases count by 1/propensity. The interval is the middle 95 % of resamples of the
entities by Poisson counts, as in `lifecycle/gates/bootstrap.py`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitoring.business.effect import NoEffect, effect, in_bands
from monitoring.business.estimates import LEVEL
from monitoring.cases import Cases
from monitoring.period_report import Interval

Floats = npt.NDArray[np.float64]

_STEPS = 50
_BLOCK_NUMBERS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Qini:
    """The curve at rising shares of the ranking, with the ends of its pointwise intervals.

    shares       float64 (s,) from 0 to 1
    avoided      float64 (s,) outcomes avoided per case of the whole, when those up to the share are
                 acted on; low, high: ends of its interval
    coefficient  area between the curve and the line to its end
    cases        labelled cases behind it
    """

    shares: Floats
    avoided: Floats
    low: Floats
    high: Floats
    coefficient: Interval
    cases: int


def qini(
    cases: Cases,
    *,
    bands: Collection[str],
    ranking: Floats | None = None,
    rounds: int = 400,
    seed: int = 22,
) -> Qini | NoEffect:
    """The curve of the labelled cases of `bands`, ranked by falling `ranking` (n,); None: by score.

    Where no effect can be said (too few cases in an arm) there is no curve either.
    """
    refusal = effect(cases, bands=bands)
    if isinstance(refusal, NoEffect):
        return refusal
    order_by = cases.scores if ranking is None else ranking
    rows = np.flatnonzero(in_bands(cases, bands) & cases.is_labelled)
    rows = rows[np.argsort(-order_by[rows], kind="stable")]
    part = cases.where(rows)
    whole = _curves(part, np.ones((1, len(part))))[0]
    resampled = np.concatenate(
        [_curves(part, weights) for weights in _weights(part, rounds=rounds, seed=seed)]
    )
    tails = [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0]
    low, high = np.nanquantile(resampled, tails, axis=0)
    ends = np.nanquantile(_areas(resampled), tails)
    return Qini(
        shares=np.linspace(0.0, 1.0, _STEPS + 1),
        avoided=whole,
        low=low,
        high=high,
        coefficient=Interval(
            value=float(_areas(whole[None])[0]),
            low=float(ends[0]),
            high=float(ends[1]),
            level=LEVEL,
        ),
        cases=len(part),
    )


def _curves(ranked: Cases, counts: Floats) -> Floats:
    """Curves (b, steps + 1) of cases in their ranking's order, each with its count (b, n)."""
    weights = counts / ranked.propensity
    sums = []
    # Steps are at equal shares of the resampled weight, so that a curve ends at the share 1.
    cumulated = np.cumsum(weights, axis=1)
    targets = np.linspace(0.0, 1.0, _STEPS + 1)[1:] * cumulated[:, -1:]
    ends = np.stack(
        [
            np.searchsorted(row, wanted * (1.0 - 1e-12), side="left")
            for row, wanted in zip(cumulated, targets, strict=True)
        ]
    )
    for is_arm in (ranked.is_control, ~ranked.is_control):
        for values in (is_arm * ranked.labels, is_arm.astype(np.float64)):
            running = np.cumsum(weights * values, axis=1)
            sums.append(np.take_along_axis(running, ends, axis=1))
    control_positives, control, acted_positives, acted = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = control_positives / control - acted_positives / acted
    rates = np.where((control > 0.0) & (acted > 0.0), rates, 0.0)
    shares = np.linspace(0.0, 1.0, _STEPS + 1)
    curves: Floats = np.concatenate([np.zeros((len(rates), 1)), rates * shares[1:]], axis=1)
    return curves


def _areas(curves: Floats) -> Floats:
    shares = np.linspace(0.0, 1.0, _STEPS + 1)
    return np.asarray(np.trapezoid(curves - curves[:, -1:] * shares, shares, axis=1))


def _weights(ranked: Cases, *, rounds: int, seed: int) -> Iterator[Floats]:
    """Counts (b, n), in blocks that fit into memory, `rounds` in all; one count per entity."""
    random = np.random.default_rng(seed)
    clusters = np.unique(ranked.entities, return_inverse=True)[1]
    entities = int(clusters.max(initial=-1)) + 1
    block = max(1, _BLOCK_NUMBERS // max(len(ranked), 1))
    for begin in range(0, rounds, block):
        size = (min(block, rounds - begin), entities)
        yield random.poisson(1.0, size).astype(np.float64)[:, clusters]
