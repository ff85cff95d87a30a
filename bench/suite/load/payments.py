"""Events of the workload with history: card payments at terminals."""

import numpy as np

from bench.suite.load.times import Wanted, texts_of

TERMINALS = 10_000
_EVENT = (
    '{"type":"payment","customer_id":"%d","event_time":"%s","payment_id":%d,"terminal_id":%d,'
    '"amount_usd":%.2f}'
)


def payments(random: np.random.Generator, wanted: Wanted) -> list[bytes]:
    """The wanted payments as JSON, in order; their number is their payment_id."""
    customers = wanted.customers.tolist()
    ids = range(wanted.first, wanted.first + len(customers))
    terminals = random.integers(0, TERMINALS, size=len(customers)).tolist()
    # Median 40, one in a hundred above 410.
    amounts = np.clip(random.lognormal(np.log(40.0), 1.0, size=len(customers)), 0.01, 5_000.0)
    rows = zip(customers, texts_of(wanted.times_ms), ids, terminals, amounts.tolist(), strict=True)
    return [(_EVENT % row).encode() for row in rows]
