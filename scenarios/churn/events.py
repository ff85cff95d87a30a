"""What churn events and outcome labels look like: fields, units and allowed values."""

from collections.abc import Mapping

from features.schema import Category, EventSchema, EventType, Field, Number

ENTITY_FIELD = "customer_id"

YES_NO = ("No", "Yes")
# Telco's third value says that the service cannot be had without the line that carries it.
NEEDS_INTERNET = ("No", "Yes", "No internet service")
NEEDS_PHONE = ("No", "Yes", "No phone service")

INTERNET_EXTRAS = (
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)

# Fields that only a full profile states.
PERSON = {
    "gender": ("Female", "Male"),
    "senior_citizen": YES_NO,
    "has_partner": YES_NO,
    "has_dependents": YES_NO,
}
# Fields that a customer can change.
CHANGEABLE = {
    "phone_service": YES_NO,
    "multiple_lines": NEEDS_PHONE,
    "internet_service": ("No", "DSL", "Fiber optic"),
    **dict.fromkeys(INTERNET_EXTRAS, NEEDS_INTERNET),
    "contract": ("Month-to-month", "One year", "Two year"),
    "paperless_billing": YES_NO,
    "payment_method": (
        "Electronic check",
        "Mailed check",
        "Bank transfer (automatic)",
        "Credit card (automatic)",
    ),
}
CALL_REASONS = ("technical", "billing", "complaint", "cancellation", "other")
OUTCOMES = ("renewed", "left")

# A century of tenure and limits far above any bill seen (118.75 USD a month, 8,684.80 USD in all).
TENURE = Number(name="tenure_months", unit="months", minimum=0, maximum=1200, integer=True)
MONTHLY_CHARGE = Number(name="monthly_charge_usd", unit="USD", minimum=0, maximum=1_000)
TOTAL_CHARGES = Number(name="total_charges_usd", unit="USD", minimum=0, maximum=1_000_000)
CALL_MINUTES = Number(name="minutes", unit="minutes", minimum=0, maximum=600)


def _categories(values: Mapping[str, tuple[str, ...]], *, required: bool) -> tuple[Field, ...]:
    return tuple(
        Category(name=name, values=allowed, required=required) for name, allowed in values.items()
    )


SCHEMA = EventSchema(
    entity_field=ENTITY_FIELD,
    types=(
        EventType(
            name="profile",
            meaning="everything known of a customer; replaces what was known",
            fields=(
                *_categories(PERSON, required=True),
                *_categories(CHANGEABLE, required=True),
                TENURE,
                MONTHLY_CHARGE,
                TOTAL_CHARGES,
            ),
        ),
        EventType(
            name="profile_change",
            meaning="a change of contract, services or payment; only what changed is given",
            fields=_categories(CHANGEABLE, required=False),
        ),
        EventType(
            name="monthly_charge",
            meaning="one more month is billed",
            fields=(MONTHLY_CHARGE,),
        ),
        EventType(
            name="support_call",
            meaning="the customer called support",
            fields=(CALL_MINUTES, Category(name="reason", values=CALL_REASONS)),
        ),
    ),
)

LABEL_SCHEMA = EventSchema(
    entity_field=ENTITY_FIELD,
    types=(
        EventType(
            name="outcome",
            meaning="the customer left, or renewed",
            fields=(Category(name="outcome", values=OUTCOMES),),
        ),
    ),
)
