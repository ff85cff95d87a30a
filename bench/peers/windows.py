"""A customer's payments of the last 30 days, and the fraud features that they give.

Every stateful peer stores this same state, in a store of its own, and computes the Handbook's
customer features, those of bench/scenarios/cards.py. Features of the terminal belong to another
key, fed by another topic, which none of the peers can read beside the customer's state without a
second keyed stage; so they are left out of the benchmark.
"""

from array import array
from bisect import bisect_right
from datetime import datetime

DAYS = (1, 7, 30)
FEATURES = (
    *(f"{what}_{days}d" for days in DAYS for what in ("payments", "amount_mean")),
    "is_night",
    "is_weekend",
    "amount_usd",
)
MOST_PAYMENTS = 512  # as in Everscore: beyond it the oldest goes
_SPANS_MS = tuple(days * 86_400_000 for days in DAYS)
_HEADER = 2 * len(DAYS)
_LAST_NIGHT_HOUR = 6


class Payments:
    """Times and amounts in order of time, with a start and a sum per window (now - days, now]."""

    __slots__ = ("_cents", "_starts", "_sums", "_times_ms")

    def __init__(self) -> None:
        self._times_ms: list[int] = []
        self._cents: list[int] = []
        self._starts = [0] * len(DAYS)
        self._sums = [0] * len(DAYS)

    def with_payment(self, at: datetime, amount_usd: float) -> list[float]:
        """Add one payment and return the values of FEATURES, as of the latest payment's time."""
        self._insert(round(at.timestamp() * 1000), round(amount_usd * 100))
        self._forget()
        values: list[float] = []
        for start, total in zip(self._starts, self._sums, strict=True):
            count = len(self._cents) - start
            values += (count, total / 100 / count if count else 0.0)
        values += (float(at.hour <= _LAST_NIGHT_HOUR), float(at.weekday() >= 5), amount_usd)
        return values

    def to_bytes(self) -> bytes:
        """The state in 16 bytes a payment."""
        numbers = [*self._starts, *self._sums, *self._times_ms, *self._cents]
        return array("q", numbers).tobytes()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Payments":
        """The state that `to_bytes` wrote."""
        numbers = array("q")
        numbers.frombytes(stored)
        middle = _HEADER + (len(numbers) - _HEADER) // 2
        payments = cls()
        payments._starts = numbers[: len(DAYS)].tolist()
        payments._sums = numbers[len(DAYS) : _HEADER].tolist()
        payments._times_ms = numbers[_HEADER:middle].tolist()
        payments._cents = numbers[middle:].tolist()
        return payments

    def _insert(self, time_ms: int, cents: int) -> None:
        if not self._times_ms or time_ms >= self._times_ms[-1]:
            self._times_ms.append(time_ms)
            self._cents.append(cents)
            self._sums = [total + cents for total in self._sums]
            return
        place = bisect_right(self._times_ms, time_ms)
        self._times_ms.insert(place, time_ms)
        self._cents.insert(place, cents)
        now_ms = self._times_ms[-1]
        for window, span_ms in enumerate(_SPANS_MS):
            if time_ms > now_ms - span_ms:
                self._sums[window] += cents
            else:
                self._starts[window] += 1

    def _forget(self) -> None:
        """Move the windows' starts on, then drop what no window needs or has room for."""
        now_ms = self._times_ms[-1]
        excess = len(self._times_ms) - MOST_PAYMENTS
        for window, span_ms in enumerate(_SPANS_MS):
            start = self._starts[window]
            while start < excess or self._times_ms[start] <= now_ms - span_ms:
                self._sums[window] -= self._cents[start]
                start += 1
            self._starts[window] = start
        oldest = min(self._starts)
        if oldest:
            del self._times_ms[:oldest], self._cents[:oldest]
            self._starts = [start - oldest for start in self._starts]
