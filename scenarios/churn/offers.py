"""What an agent can offer a telephone customer, as the change of profile that would follow."""

from scenarios.churn.events import CHANGEABLE
from scenarios.contract.actionable import Actionable
from scenarios.contract.judging.condition import Condition


def _is_one_of(feature: str, *values: str) -> Condition:
    """True where the feature is one of `values`, which lie side by side in the declared list."""
    codes = sorted(CHANGEABLE[feature].index(value) for value in values)
    return Condition(feature=feature, at_least=float(codes[0]), below=float(codes[-1] + 1))


def _change(words: str, feature: str, value: str, *instead_of: str, effort: float) -> Actionable:
    return Actionable(
        name=f"{feature}:{value}",
        words=words,
        event_type="profile_change",
        fields=((feature, value),),
        when=(_is_one_of(feature, *instead_of),),
        effort=effort,
    )


# Efforts are relative: an extra costs some dollars a month and can be cancelled, a longer contract
# binds for a year or two.
OFFERS = (
    _change("online security", "online_security", "Yes", "No", effort=1.0),
    _change("the technical support plan", "tech_support", "Yes", "No", effort=1.0),
    _change("online backup", "online_backup", "Yes", "No", effort=1.0),
    _change("device protection", "device_protection", "Yes", "No", effort=1.0),
    _change(
        "automatic payment by credit card",
        "payment_method",
        "Credit card (automatic)",
        "Electronic check",
        "Mailed check",
        effort=1.0,
    ),
    _change("bills on paper", "paperless_billing", "No", "Yes", effort=1.0),
    _change("a contract of one year", "contract", "One year", "Month-to-month", effort=2.0),
    _change(
        "a contract of two years", "contract", "Two year", "Month-to-month", "One year", effort=3.0
    ),
)
