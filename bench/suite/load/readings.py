"""Events of the workload without history: twenty normal numbers each."""

import numpy as np

from bench.scenarios.numbers import NUMBERS
from bench.suite.load.times import Wanted, texts_of

_FIELDS = ",".join(f'"{name}":%r' for name in NUMBERS)
_EVENT = f'{{"type":"reading","customer_id":"%d","event_time":"%s",{_FIELDS}}}'


def readings(random: np.random.Generator, wanted: Wanted) -> list[bytes]:
    """The wanted events as JSON, in order."""
    customers = wanted.customers.tolist()
    values = random.standard_normal((len(customers), len(NUMBERS))).round(4).tolist()
    rows = zip(customers, texts_of(wanted.times_ms), values, strict=True)
    return [(_EVENT % (customer, time, *row)).encode() for customer, time, row in rows]
