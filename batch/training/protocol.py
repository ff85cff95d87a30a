"""The Handbook's protocol: train on some days, wait for the verdicts, test on the days after.

Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi, 2022), chapters 3 and 5. Cards
that are known to be compromised by then are left out of the test: a bank has blocked them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MS_PER_DAY = 86_400_000


class OutsideHistory(ValueError):
    """The dates reach beyond the history; names the dates that do not."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Lengths of the three periods, in days; the test may begin on any day."""

    train_days: int = 7
    delay_days: int = 7
    test_days: int = 7

    def train_start(self, test_start: date) -> date:
        """The first day of the training period."""
        return test_start - timedelta(days=self.train_days + self.delay_days)

    def validation_starts(self, test_start: date, folds: int) -> list[date]:
        """Where the tests of `folds` earlier rounds begin, oldest first.

        The verdicts of the latest one are known when the test begins, and none of its days is a
        day of the test (prequential validation, the Handbook's chapter 5).
        """
        latest = test_start - timedelta(days=self.delay_days + self.test_days)
        return [latest - timedelta(days=self.test_days * back) for back in reversed(range(folds))]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows of one round: bool (n,) each; `removed` test rows were of cards known as compromised."""

    train: Mask
    test: Mask
    removed: int


def days_of(times_ms: Ints) -> Ints:
    """UTC days since 1970-01-01 of `times_ms` (n,)."""
    return times_ms // MS_PER_DAY


def split(
    days: Ints, cards: Ints, outcomes: Ints, *, test_start: date, protocol: Protocol
) -> Split:
    """The rows of one round; days (n,) as `days_of` gives them, outcomes (n,) of 0 and 1.

    Removed from a test day are cards with a fraud on the training days, or after these on a day
    that is more than `delay_days` older: the verdicts of that day are known when the test day
    begins. Raises `OutsideHistory`.
    """
    first = _day_number(protocol.train_start(test_start))
    test_day = _day_number(test_start)
    _check_reach(days, first, test_day + protocol.test_days, protocol)
    train = (days >= first) & (days < first + protocol.train_days)
    is_fraud = outcomes == 1
    test = np.zeros(len(days), dtype=np.bool_)
    removed = 0
    for day in range(test_day, test_day + protocol.test_days):
        verdicts_end = np.maximum(first + protocol.train_days, day - protocol.delay_days)
        known_cards = np.unique(cards[is_fraud & (days >= first) & (days < verdicts_end)])
        rows = np.flatnonzero(days == day)
        is_known = np.isin(cards[rows], known_cards)
        test[rows[~is_known]] = True
        removed += int(is_known.sum())
    return Split(train=train, test=test, removed=removed)


def _day_number(day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(moment.timestamp() * 1000) // MS_PER_DAY


def _check_reach(days: Ints, first: int, end: int, protocol: Protocol) -> None:
    known_first, known_end = int(days.min(initial=end)), int(days.max(initial=first)) + 1
    if first < known_first or end > known_end:
        raise OutsideHistory(
            f"{protocol} needs the days {_day(first)} to {_day(end - 1)}, the history has "
            f"{_day(known_first)} to {_day(known_end - 1)}: choose a test between them"
        )


def _day(number: int) -> date:
    return datetime.fromtimestamp(number * 86_400, UTC).date()
