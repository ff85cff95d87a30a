"""Card precision at k: how many of the k most suspicious cards of a day are compromised.

As the Fraud Detection Handbook defines it (Le Borgne, Siblini, Lebichot, Bontempi, 2022, chapter 4,
"Precision top-k metrics"): a card is as suspicious as its highest score of the day, compromised
when one of its payments of that day is a fraud, and left out on the days after it was detected.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CARDS_PER_DAY = 100


@dataclass(frozen=True)
class CardPrecision:
    """Per day: the precision, and how many cards not yet detected were compromised."""

    per_day: tuple[float, ...]
    compromised_per_day: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Mean over the days."""
        return float(np.mean(self.per_day))


def card_precision(
    days: Ints, cards: Ints, outcomes: Ints, scores: Floats, *, top: int = CARDS_PER_DAY
) -> CardPrecision:
    """Of n payments on `days` (n,), by `cards` (n,), with `outcomes` (n,) of 0 and 1.

    The divisor is `top`, also on a day with fewer cards. Equal scores are taken by rising card.
    """
    detected: Ints = np.empty(0, dtype=np.int64)
    precisions, compromised = [], []
    for day in np.unique(days):
        rows = np.flatnonzero((days == day) & ~np.isin(cards, detected))
        ranked_cards, is_compromised = _by_suspicion(cards[rows], outcomes[rows], scores[rows])
        hits = ranked_cards[:top][is_compromised[:top]]
        precisions.append(len(hits) / top)
        compromised.append(int(is_compromised.sum()))
        detected = np.concatenate([detected, hits])
    return CardPrecision(tuple(precisions), tuple(compromised))


def _by_suspicion(
    cards: Ints, outcomes: Ints, scores: Floats
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The distinct cards, most suspicious first, and whether each is compromised."""
    distinct, position = np.unique(cards, return_inverse=True)
    highest = np.full(len(distinct), -np.inf)
    np.maximum.at(highest, position, scores)
    is_compromised = np.bincount(position, weights=outcomes, minlength=len(distinct)) > 0
    order = np.argsort(-highest, kind="stable")
    return distinct[order], is_compromised[order]
