"""Several rounds' figures as one: the median with its range, and ratios round by round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, the least, the most, and how many they were."""

    median: float
    least: float
    most: float
    rounds: int

    def text(self, digits: int = 0) -> str:
        """`median (least..most)`; of one round the figure alone."""
        middle, least, most = (
            f"{figure:,.{digits}f}" for figure in (self.median, self.least, self.most)
        )
        return middle if self.rounds == 1 else f"{middle} ({least}..{most})"


def spread_of(values: Sequence[float]) -> Spread | None:
    """The spread of `values`; None of none."""
    if not values:
        return None
    return Spread(median(values), min(values), max(values), len(values))


def ratio_of(ours: Mapping[int, float], others: Mapping[int, float]) -> Spread | None:
    """The spread of ours / others over the rounds that have both; both map round → figure."""
    common = sorted(ours.keys() & others.keys())
    return spread_of([ours[round_number] / others[round_number] for round_number in common])


def fastest_of(systems: Sequence[Mapping[int, float]]) -> Mapping[int, float]:
    """Round → the highest rate that any of the systems had in it."""
    rounds = sorted({round_number for system in systems for round_number in system})
    return {
        round_number: max(rates[round_number] for rates in systems if round_number in rates)
        for round_number in rounds
    }
