"""Simulated follow-up events of the Telco customers, endless and seeded.

What is simulated: who is active, who calls and what changes. The rate of support calls depends on
a customer's profile only, never on the outcome label, so nothing about the label can leak into
the events; a model's quality must be judged on the real attributes alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle

import numpy as np
import numpy.typing as npt

from scenarios.churn.events import CALL_REASONS, CHANGEABLE, INTERNET_EXTRAS
from scenarios.churn.telco import Customer
from scenarios.simulation.bad_events import BAD_KINDS, Event, Spoiler, too_large_record
from scenarios.simulation.records import Record, record_of
from scenarios.simulation.times import iso_time

# A few customers make most of the events, as in any call centre: weight 1 / (rank + 10).
_ZIPF_OFFSET = 10
_CALL_REASON_SHARES = (0.35, 0.3, 0.15, 0.08, 0.12)
_MEAN_CALL_MINUTES = 9.0
_MAX_CALL_MINUTES = 600.0
_CHARGE_SPREAD = 0.02
_DRAWS_AT_ONCE = 1_000


def _charge(good: Event) -> Event:
    """An event whose number bad events spoil."""
    envelope = {name: good[name] for name in ("customer_id", "event_time")}
    return {"type": "monthly_charge", **envelope, "monthly_charge_usd": 70.35}


_SPOILER = Spoiler(number_field="monthly_charge_usd", measured=_charge)


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Shares of the kinds of good event; they sum to 1."""

    monthly_charge: float = 0.60
    support_call: float = 0.25
    profile_change: float = 0.15


@dataclass(frozen=True, kw_only=True)
class FollowUps:
    """Follow-up events of `customers`; iterating twice gives the same events (but for the time).

    now            gives the event time of each event as it is made
    bad_share      share of events made to be refused, cycling through every kind
    too_large_bytes  length of one more bad kind, for jobs that limit an event's length
    """

    customers: Sequence[Customer]
    seed: int
    now: Callable[[], datetime]
    bad_share: float = 0.0
    too_large_bytes: int | None = None
    mix: Mix = field(default_factory=Mix)

    def __iter__(self) -> Iterator[Record]:
        """Endless records for the topic "events"."""
        draw = _Draw(self.customers, seed=self.seed, mix=self.mix)
        large = () if self.too_large_bytes is None else ("too_large",)
        bad_kinds = cycle((*BAD_KINDS, *large))
        while True:
            customer_id, event = draw.event(iso_time(self.now()))
            if draw.random() >= self.bad_share:
                yield record_of(event, key=customer_id)
                continue
            kind = next(bad_kinds)
            if kind == "too_large":
                size = self.too_large_bytes or 0
                yield too_large_record(event, key=customer_id, event_bytes=size)
            else:
                yield _SPOILER.bad_record(event, key=customer_id, reason=kind)


class _Draw:
    """The random choices, and each customer's contract and services as they change."""

    def __init__(self, customers: Sequence[Customer], *, seed: int, mix: Mix) -> None:
        self._rng = np.random.default_rng(seed)
        self._ids = [customer.customer_id for customer in customers]
        self._profiles = [dict(customer.profile) for customer in customers]
        activity = 1.0 / (self._rng.permutation(len(customers)) + _ZIPF_OFFSET)
        calling = activity * [call_propensity(profile) for profile in self._profiles]
        self._everyone = self._indices(activity)
        self._callers = self._indices(calling)
        self._makers = {
            "monthly_charge": (self._everyone, self._monthly_charge),
            "support_call": (self._callers, self._support_call),
            "profile_change": (self._everyone, self._profile_change),
        }
        shares = [mix.monthly_charge, mix.support_call, mix.profile_change]
        kinds = self._indices(np.array(shares))
        self._kinds = (list(self._makers)[index] for index in kinds)
        self._uniform = self._numbers()

    def random(self) -> float:
        """A uniform number in [0, 1)."""
        return next(self._uniform)

    def event(self, event_time: str) -> tuple[str, dict[str, object]]:
        """A customer's id and its next event."""
        kind = next(self._kinds)
        indices, fields = self._makers[kind]
        index = next(indices)
        customer_id = self._ids[index]
        envelope = {"type": kind, "customer_id": customer_id, "event_time": event_time}
        return customer_id, {**envelope, **fields(self._profiles[index])}

    def _monthly_charge(self, profile: dict[str, str | int | float]) -> dict[str, object]:
        factor = 1.0 + _CHARGE_SPREAD * (2.0 * self.random() - 1.0)
        return {"monthly_charge_usd": round(float(profile["monthly_charge_usd"]) * factor, 2)}

    def _support_call(self, profile: dict[str, str | int | float]) -> dict[str, object]:
        minutes = min(-_MEAN_CALL_MINUTES * np.log1p(-self.random()), _MAX_CALL_MINUTES)
        reason = int(np.searchsorted(np.cumsum(_CALL_REASON_SHARES), self.random(), side="right"))
        call_reason = CALL_REASONS[min(reason, len(CALL_REASONS) - 1)]
        return {"minutes": round(float(minutes), 1), "reason": call_reason}

    def _profile_change(self, profile: dict[str, str | int | float]) -> dict[str, object]:
        name = self._one_of(changeable(profile))
        others = [value for value in CHANGEABLE[name] if value != profile[name]]
        profile[name] = self._one_of([value for value in others if not value.startswith("No ")])
        return {name: profile[name]}

    def _one_of(self, values: Sequence[str]) -> str:
        return values[int(self.random() * len(values))]

    def _indices(self, weights: npt.NDArray[np.float64]) -> Iterator[int]:
        limits = np.cumsum(weights / weights.sum())
        limits[-1] = 1.0
        while True:
            yield from np.searchsorted(
                limits, self._rng.random(_DRAWS_AT_ONCE), side="right"
            ).tolist()

    def _numbers(self) -> Iterator[float]:
        while True:
            yield from self._rng.random(_DRAWS_AT_ONCE).tolist()


def changeable(profile: dict[str, str | int | float]) -> list[str]:
    """What a customer with this profile can change without changing a line as well."""
    names = ["contract", "paperless_billing", "payment_method"]
    if profile["internet_service"] != "No":
        names += INTERNET_EXTRAS
    if profile["phone_service"] == "Yes":
        names.append("multiple_lines")
    return names


def call_propensity(profile: dict[str, str | int | float]) -> float:
    """Relative rate of support calls, by profile only (simulated)."""
    rate = 1.0
    if profile["internet_service"] == "Fiber optic":
        rate *= 1.5
    if profile["tech_support"] == "No":
        rate *= 1.3
    if int(profile["tenure_months"]) < 12:
        rate *= 1.4
    return rate
