"""What the churn model knows of a customer: one feature each, with the words that explain it."""

from features.definitions import (
    Count,
    DaysSince,
    DecayedCount,
    Feature,
    LastValue,
    Level,
    Mean,
)
from scenarios.churn.events import CHANGEABLE, PERSON

HALF_LIFE_DAYS = 30.0

_PROFILE = ("profile",)
_PROFILE_AND_CHANGES = ("profile", "profile_change")
_CALLS = ("support_call",)

_WORDS = {
    "gender": "gender is {value}",
    "senior_citizen": "senior citizen: {value}",
    "has_partner": "lives with a partner: {value}",
    "has_dependents": "has dependents: {value}",
    "phone_service": "phone service: {value}",
    "multiple_lines": "several phone lines: {value}",
    "internet_service": "internet service is {value}",
    "online_security": "online security: {value}",
    "online_backup": "online backup: {value}",
    "device_protection": "device protection: {value}",
    "tech_support": "technical support plan: {value}",
    "streaming_tv": "streaming TV: {value}",
    "streaming_movies": "streaming films: {value}",
    "contract": "contract is {value}",
    "paperless_billing": "paperless billing: {value}",
    "payment_method": "pays by {value}",
}


def _last(name: str, on: tuple[str, ...]) -> Feature:
    return LastValue(name=name, on=on, field=name, words=_WORDS[name])


_ATTRIBUTES: tuple[Feature, ...] = (
    *(_last(name, _PROFILE) for name in PERSON),
    *(_last(name, _PROFILE_AND_CHANGES) for name in CHANGEABLE),
)

_BILLING: tuple[Feature, ...] = (
    Level(
        name="tenure_months",
        stated_by=("profile", "tenure_months"),
        moved_by=(("monthly_charge", None),),
        words="{value:.0f} months with us",
    ),
    LastValue(
        name="monthly_charge_usd",
        on=("profile", "monthly_charge"),
        field="monthly_charge_usd",
        words="pays {value:.2f} USD a month",
    ),
    Level(
        name="total_charges_usd",
        stated_by=("profile", "total_charges_usd"),
        moved_by=(("monthly_charge", "monthly_charge_usd"),),
        words="has paid {value:,.0f} USD in all",
    ),
)

_CONTACTS: tuple[Feature, ...] = (
    Count(name="support_calls", on=_CALLS, words="{value:.0f} support calls in all"),
    DecayedCount(
        name="support_calls_recent",
        on=_CALLS,
        half_life_days=HALF_LIFE_DAYS,
        words="recent support calls (a 30 days old one counts half): {value:.1f}",
    ),
    Count(
        name="complaint_calls",
        on=_CALLS,
        where=("reason", "complaint"),
        words="{value:.0f} calls to complain",
    ),
    Count(
        name="cancellation_calls",
        on=_CALLS,
        where=("reason", "cancellation"),
        words="{value:.0f} calls about cancelling",
    ),
    Mean(
        name="support_call_minutes_mean",
        on=_CALLS,
        field="minutes",
        words="support calls take {value:.0f} minutes on average",
    ),
    DaysSince(
        name="days_since_support_call",
        on=_CALLS,
        words="last support call {value:.0f} days ago",
    ),
    DecayedCount(
        name="profile_changes_recent",
        on=("profile_change",),
        half_life_days=HALF_LIFE_DAYS,
        words="recent changes of contract or services (30 days old ones count half): {value:.1f}",
    ),
)

FEATURES: tuple[Feature, ...] = (*_ATTRIBUTES, *_BILLING, *_CONTACTS)

# More of these never lowers the risk (+1), or never raises it (-1): what an expert would insist on.
MONOTONIC: dict[str, int] = {
    "support_calls": 1,
    "support_calls_recent": 1,
    "complaint_calls": 1,
    "cancellation_calls": 1,
    "contract": -1,
    "tenure_months": -1,
}
