"""Duels on paper: how often an equal challenger is called better, how soon a better one is.

Two versions score the same made-up cases. Labels come 7 to 60 days late, and somebody looks every
day: at the confidence sequence of `compare_live`, and at a plain z-test, which is not made for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table
from typer import Option

from lifecycle.challenge.confidence_sequence import LEAST_VALUES, radius, tightest_rho
from reports.terminal import Terminal

Floats = npt.NDArray[np.float64]
Radius = Callable[[Floats], Floats]

_DAYS, _EARLIEST, _LATEST = 120, 7, 60
_BASE, _SLOPE, _NOISE = -3.2, 1.6, 0.8  # logit of the outcome: base + slope·x; scores see x + noise
_TIGHTEST_AT = 20_000
_Z = 1.959964  # two-sided, 5 %
_TRIAL_CASES = 400_000


@dataclass(frozen=True)
class Outcome:
    """Of many duels: in how many the challenger was ever called better or worse, median day."""

    better: float
    worse: float
    median_day: float | None


def main(
    seeds: Annotated[int, Option(min=1, help="Duels.")] = 300,
    cases: Annotated[int, Option(min=10, help="Cases a day.")] = 500,
    gain: Annotated[float, Option(help="Points of average precision of the better one.")] = 2.0,
) -> None:
    """Play the duels and print the table."""
    console = Terminal()
    noise = _noise_of_gain(gain / 100.0)
    title = f"{seeds:,} duels, {cases:,} cases a day, a look every day for {_DAYS} days"
    table = Table(
        "design", "challenger", "looks by", "called better", "worse", "median day", title=title
    )
    rho = tightest_rho(_TIGHTEST_AT)
    looks: dict[str, Radius] = {
        "confidence sequence": lambda counts: radius(counts, rho=rho),
        "daily z-test": lambda counts: _Z / np.sqrt(counts),
    }
    for design, drawn in (("shadow, pairs", _pairs), ("challenger, two arms", _arms)):
        for name, challenger_noise in (("equal", _NOISE), (f"better by {gain:g} points", noise)):
            sums = [drawn(seed, cases, challenger_noise) for seed in range(seeds)]
            for words, width in looks.items():
                outcome = _outcome(sums, width)
                day = "" if outcome.median_day is None else f"{outcome.median_day:.0f}"
                shares = (f"{outcome.better:.1%}", f"{outcome.worse:.1%}")
                table.add_row(design, name, words, *shares, day)
    console.print(table)


@dataclass(frozen=True)
class _Sums:
    """Per day the count, mean and standard deviation of the values known by then."""

    counts: Floats
    means: Floats
    deviations: Floats


def _scored(
    random: np.random.Generator, count: int, noises: tuple[float, float]
) -> tuple[Floats, Floats, Floats]:
    """Outcomes and the scores of champion and challenger, (count,) each."""
    x = random.normal(size=count)
    outcomes = (random.random(count) < _sigmoid(_BASE + _SLOPE * x)).astype(np.float64)
    champion, challenger = (
        _score(x + noise * random.normal(size=count), noise) for noise in noises
    )
    return outcomes, champion, challenger


def _score(signal: Floats, noise: float) -> Floats:
    """The probability of the outcome given the signal, to MacKay's approximation."""
    spread = noise**2 / (1.0 + noise**2)
    logit = _BASE + _SLOPE * signal / (1.0 + noise**2)
    return _sigmoid(logit / np.sqrt(1.0 + np.pi * _SLOPE**2 * spread / 8.0))


def _sigmoid(logit: Floats) -> Floats:
    share: Floats = 1.0 / (1.0 + np.exp(-logit))
    return share


def _known_days(random: np.random.Generator, cases: int) -> npt.NDArray[np.int64]:
    """On which day the label of each case comes, for `cases` a day from day 0 on."""
    days = np.repeat(np.arange(_DAYS), cases)
    return days + random.integers(_EARLIEST, _LATEST + 1, len(days))


def _by_day(days: npt.NDArray[np.int64], values: Floats) -> Floats:
    sums = np.bincount(days, weights=values, minlength=_DAYS + 1).astype(np.float64)
    cumulated: Floats = np.cumsum(sums)[1 : _DAYS + 1]
    return cumulated


def _pairs(seed: int, cases: int, noise: float) -> _Sums:
    """Differences of Brier scores per case: both versions score all of them."""
    random = np.random.default_rng(seed)
    days = _known_days(random, cases)
    outcomes, champion, challenger = _scored(random, len(days), (_NOISE, noise))
    differences = (challenger - outcomes) ** 2 - (champion - outcomes) ** 2
    counts = _by_day(days, np.ones(len(days)))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = _by_day(days, differences) / counts
        variances = _by_day(days, differences**2) / counts - means**2
    return _Sums(counts, means, np.sqrt(np.maximum(variances, 0.0)))


def _arms(seed: int, cases: int, noise: float) -> _Sums:
    """Brier scores of the version that decides, by a coin; the means are differences of two arms.

    The variance is that of `arm_differences`: of an arm over its share, summed over the arms.
    """
    random = np.random.default_rng(seed)
    days = _known_days(random, cases)
    outcomes, champion, challenger = _scored(random, len(days), (_NOISE, noise))
    in_challenger = random.random(len(days)) < 0.5
    scores = np.where(in_challenger, challenger, champion)
    costs = (scores - outcomes) ** 2
    counts = _by_day(days, np.ones(len(days)))
    means, variances = [], []
    with np.errstate(invalid="ignore", divide="ignore"):
        for arm in (in_challenger, ~in_challenger):
            in_arm = _by_day(days, arm.astype(np.float64))
            mean = _by_day(days, np.where(arm, costs, 0.0)) / in_arm
            squares = _by_day(days, np.where(arm, costs**2, 0.0)) / in_arm
            means.append(mean)
            variances.append((squares - mean**2) * in_arm / counts / 0.25)
        return _Sums(counts, means[0] - means[1], np.sqrt(np.maximum(sum(variances), 0.0)))


def _outcome(duels: list[_Sums], width: Radius) -> Outcome:
    """How the duels end for somebody who stops at the first day on which zero is left out."""
    better_days, worse = [], 0
    for sums in duels:
        with np.errstate(invalid="ignore", divide="ignore"):
            radii = sums.deviations * width(sums.counts)
            enough = sums.counts >= LEAST_VALUES
            is_better = enough & (sums.means + radii < 0.0)
            is_worse = enough & (sums.means - radii > 0.0)
        first_better, first_worse = _first(is_better), _first(is_worse)
        if first_better < first_worse:
            better_days.append(first_better + 1)
        elif first_worse < first_better:
            worse += 1
    median = float(np.median(better_days)) if better_days else None
    return Outcome(len(better_days) / len(duels), worse / len(duels), median)


def _first(flags: npt.NDArray[np.bool_]) -> int:
    return int(np.argmax(flags)) if flags.any() else _DAYS


def _noise_of_gain(gain: float) -> float:
    """The noise with which a version's average precision is `gain` above the champion's."""
    low, high = 0.0, _NOISE
    wanted = _average_precision(_NOISE) + gain
    for _ in range(12):
        middle = (low + high) / 2.0
        if _average_precision(middle) > wanted:
            low = middle
        else:
            high = middle
    return high


def _average_precision(noise: float) -> float:
    random = np.random.default_rng(10**6)
    outcomes, _, scores = _scored(random, _TRIAL_CASES, (_NOISE, noise))
    hits = outcomes[np.argsort(-scores)]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float((precision * hits).sum() / hits.sum())


if __name__ == "__main__":
    typer.run(main)
