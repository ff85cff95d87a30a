"""Two events of one customer for the demo: a support call, then a longer contract."""

from datetime import datetime

from scenarios.simulation.records import Record, record_of
from scenarios.simulation.times import iso_time


def support_call(customer_id: str, *, now: datetime) -> Record:
    """The customer calls and speaks of cancelling."""
    event = {"minutes": 14.5, "reason": "cancellation"}
    return record_of(_event("support_call", customer_id, now) | event, key=customer_id)


def longer_contract(customer_id: str, *, now: datetime) -> Record:
    """The customer signs for two years."""
    event = {"contract": "Two year"}
    return record_of(_event("profile_change", customer_id, now) | event, key=customer_id)


def _event(kind: str, customer_id: str, now: datetime) -> dict[str, object]:
    return {"type": kind, "customer_id": customer_id, "event_time": iso_time(now)}
