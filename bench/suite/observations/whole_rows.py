"""Whether every customer's row shows the customer's last event."""

import time
from collections.abc import Mapping, Sequence

from stores.hbase.connection import HBaseStore
from stores.hbase.shown_positions import shown_positions

_ROWS_PER_CALL = 2_000
_LOOK_EVERY_SECONDS = 0.5


def stale_rows(
    store: HBaseStore, table: str, last_offsets: Mapping[str, int], *, patience_seconds: float
) -> Sequence[str]:
    """Customers whose row shows an earlier event, or is not there, `patience_seconds` after the
    last progress."""
    stale = list(last_offsets)
    deadline = time.monotonic() + patience_seconds
    while stale and time.monotonic() < deadline:
        before = len(stale)
        stale = _stale(store, table, {customer: last_offsets[customer] for customer in stale})
        if len(stale) < before:
            deadline = time.monotonic() + patience_seconds
        if stale:
            time.sleep(_LOOK_EVERY_SECONDS)
    return stale


def _stale(store: HBaseStore, table: str, last_offsets: Mapping[str, int]) -> list[str]:
    stale: list[str] = []
    customers = list(last_offsets)
    with store.open() as connection:
        for begin in range(0, len(customers), _ROWS_PER_CALL):
            batch = customers[begin : begin + _ROWS_PER_CALL]
            shown = shown_positions(connection, table, batch)
            stale += [
                customer
                for customer in batch
                if customer not in shown or shown[customer].offset < last_offsets[customer]
            ]
    return stale
