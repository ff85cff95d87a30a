"""Endless payments that follow the file: real ones drawn at random, dated now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count, cycle

import numpy as np

from scenarios.fraud.history import payment_event
from scenarios.fraud.payments import Payments
from scenarios.simulation.bad_events import BAD_KINDS, Spoiler, too_large_record
from scenarios.simulation.records import Record, record_of
from scenarios.simulation.times import iso_time

_DRAWS_AT_ONCE = 1_000
# Ids of a millisecond; more than one machine sends in one.
_IDS_PER_MS = 1_000

SPOILER = Spoiler(number_field="amount_usd", measured=lambda payment: payment)


@dataclass(frozen=True, kw_only=True)
class FollowUps:
    """Simulated payments; iterating twice gives the same ones (but for the time and the id).

    Customer, terminal and amount are those of one payment of the file, so who pays often there
    pays often here. The id holds the millisecond, so another run has other ids.
    """

    payments: Payments
    seed: int
    now: Callable[[], datetime]
    bad_share: float = 0.0
    too_large_bytes: int | None = None

    def __iter__(self) -> Iterator[Record]:
        """Endless records for the topic "events"."""
        large = () if self.too_large_bytes is None else ("too_large",)
        bad_kinds = cycle((*BAD_KINDS, *large))
        for number, (row, chance) in enumerate(self._draws()):
            event = self._event(row, number)
            key = str(event["customer_id"])
            if chance >= self.bad_share:
                yield record_of(event, key=key)
                continue
            kind = next(bad_kinds)
            if kind == "too_large":
                yield too_large_record(event, key=key, event_bytes=self.too_large_bytes or 0)
            else:
                yield SPOILER.bad_record(event, key=key, reason=kind)

    def _draws(self) -> Iterator[tuple[int, float]]:
        rng = np.random.default_rng(self.seed)
        for _ in count():
            rows = rng.integers(len(self.payments), size=_DRAWS_AT_ONCE).tolist()
            yield from zip(rows, rng.random(_DRAWS_AT_ONCE).tolist(), strict=True)

    def _event(self, row: int, number: int) -> dict[str, object]:
        now = self.now()
        now_ms = round(now.timestamp() * 1000)
        return payment_event(
            customer=int(self.payments.customers[row]),
            event_time=iso_time(now),
            payment_id=now_ms * _IDS_PER_MS + number % _IDS_PER_MS,
            terminal=int(self.payments.terminals[row]),
            amount_usd=float(self.payments.amounts_usd[row]),
        )
