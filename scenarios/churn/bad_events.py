"""Churn events made to be refused."""

from scenarios.simulation.bad_events import Event, Spoiler


def _charge(good: Event) -> Event:
    envelope = {name: good[name] for name in ("customer_id", "event_time")}
    return {"type": "monthly_charge", **envelope, "monthly_charge_usd": 70.35}


SPOILER = Spoiler(number_field="monthly_charge_usd", measured=_charge)
