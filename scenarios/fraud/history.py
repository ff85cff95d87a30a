"""The payments and their verdicts as records, day by day, made as they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from scenarios.fraud.events import FRAUD, GENUINE, VERDICT_DELAY_DAYS
from scenarios.fraud.payments import Payments
from scenarios.simulation.records import LABELS, Record, record_of
from scenarios.simulation.times import iso_time

_MS_PER_DAY = 86_400_000
_DELAY_MS = VERDICT_DELAY_DAYS * _MS_PER_DAY


def payment_event(
    *, customer: int, event_time: str, payment_id: int, terminal: int, amount_usd: float
) -> dict[str, object]:
    """A payment as it is published."""
    return {
        "type": "payment",
        "customer_id": str(customer),
        "event_time": event_time,
        "payment_id": payment_id,
        "terminal_id": terminal,
        "amount_usd": amount_usd,
    }


@dataclass(frozen=True)
class History(Sequence[Record]):
    """Each day's payments, then the verdicts that fall due on that day; 1.9 million records.

    A sequence, so that its length is known; records are made when they are asked for.
    """

    payments: Payments
    has_verdicts: bool

    def __len__(self) -> int:
        return len(self.payments) * (2 if self.has_verdicts else 1)

    def __iter__(self) -> Iterator[Record]:
        return (self._record(code) for code in self._codes.tolist())

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """The record at `index`, or the records of a slice."""
        if isinstance(index, slice):
            return [self._record(code) for code in self._codes[index].tolist()]
        return self._record(int(self._codes[index]))

    @cached_property
    def _codes(self) -> npt.NDArray[np.int64]:
        """Payment i as i, its verdict as -i - 1, in the order of publication."""
        rows = np.arange(len(self.payments))
        if not self.has_verdicts:
            return rows
        paid_days = self.payments.times_ms // _MS_PER_DAY
        codes = np.concatenate([rows, -rows - 1])
        days = np.concatenate([paid_days, paid_days + VERDICT_DELAY_DAYS])
        is_verdict = np.repeat([0, 1], len(rows))
        order: npt.NDArray[np.int64] = codes[np.lexsort((is_verdict, days))]
        return order

    def _record(self, code: int) -> Record:
        return self._payment(code) if code >= 0 else self._verdict(-code - 1)

    def _payment(self, row: int) -> Record:
        payments = self.payments
        event = payment_event(
            customer=int(payments.customers[row]),
            event_time=_time(int(payments.times_ms[row])),
            payment_id=int(payments.ids[row]),
            terminal=int(payments.terminals[row]),
            amount_usd=float(payments.amounts_usd[row]),
        )
        return record_of(event, key=str(event["customer_id"]))

    def _verdict(self, row: int) -> Record:
        payments = self.payments
        verdict = {
            "type": "verdict",
            "customer_id": str(payments.customers[row]),
            "event_time": _time(int(payments.times_ms[row]) + _DELAY_MS),
            "payment_id": int(payments.ids[row]),
            "terminal_id": int(payments.terminals[row]),
            "verdict": FRAUD if payments.is_fraud[row] else GENUINE,
        }
        return record_of(verdict, key=str(verdict["customer_id"]), topic_kind=LABELS)


def _time(epoch_ms: int) -> str:
    return iso_time(datetime.fromtimestamp(epoch_ms / 1000, UTC))
