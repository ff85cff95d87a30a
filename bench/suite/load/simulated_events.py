"""Events of the two workloads: twenty normal numbers each, or card payments at terminals."""

import numpy as np

from bench.scenarios.numbers import NUMBERS
from bench.suite.load.times import Wanted, texts_of

_FIELDS = ",".join(f'"{name}":%r' for name in NUMBERS)
_READING = f'{{"type":"reading","customer_id":"%d","event_time":"%s",{_FIELDS}}}'
TERMINALS = 10_000
_PAYMENT = (
    '{"type":"payment","customer_id":"%d","event_time":"%s","payment_id":%d,"terminal_id":%d,'
    '"amount_usd":%.2f}'
)


def readings(random: np.random.Generator, wanted: Wanted) -> list[bytes]:
    """The wanted events as JSON, in order."""
    customers = wanted.customers.tolist()
    values = random.standard_normal((len(customers), len(NUMBERS))).round(4).tolist()
    rows = zip(customers, texts_of(wanted.times_ms), values, strict=True)
    return [(_READING % (customer, time, *row)).encode() for customer, time, row in rows]


def payments(random: np.random.Generator, wanted: Wanted) -> list[bytes]:
    """The wanted payments as JSON, in order; their number is their payment_id."""
    customers = wanted.customers.tolist()
    ids = range(wanted.first, wanted.first + len(customers))
    terminals = random.integers(0, TERMINALS, size=len(customers)).tolist()
    # Median 40, one in a hundred above 410.
    amounts = np.clip(random.lognormal(np.log(40.0), 1.0, size=len(customers)), 0.01, 5_000.0)
    rows = zip(customers, texts_of(wanted.times_ms), ids, terminals, amounts.tolist(), strict=True)
    return [(_PAYMENT % row).encode() for row in rows]
