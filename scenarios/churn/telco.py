"""The Telco file as profile events and outcome labels."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scenarios.simulation.records import LABELS, Record, record_of

# The file has no dates. Fixed ones make a second publication equal to the first, byte for byte,
# so that a training set made afterwards is the same.
PROFILE_TIME = "2026-01-01T00:00:00.000Z"
OUTCOME_TIME = "2026-01-31T00:00:00.000Z"

# Event field → column of the file.
_CATEGORIES = {
    "gender": "gender",
    "senior_citizen": "SeniorCitizen",
    "has_partner": "Partner",
    "has_dependents": "Dependents",
    "phone_service": "PhoneService",
    "multiple_lines": "MultipleLines",
    "internet_service": "InternetService",
    "online_security": "OnlineSecurity",
    "online_backup": "OnlineBackup",
    "device_protection": "DeviceProtection",
    "tech_support": "TechSupport",
    "streaming_tv": "StreamingTV",
    "streaming_movies": "StreamingMovies",
    "contract": "Contract",
    "paperless_billing": "PaperlessBilling",
    "payment_method": "PaymentMethod",
}
_ID, _TENURE, _MONTHLY, _TOTAL, _CHURN = (
    "customerID",
    "tenure",
    "MonthlyCharges",
    "TotalCharges",
    "Churn",
)
_YES_NO_OF_FLAG = {"0": "No", "1": "Yes"}
_OUTCOME_OF_CHURN = {"Yes": "left", "No": "renewed"}


class TelcoFileError(ValueError):
    """The file is missing, or is not the Telco file; says what differs."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One line of the file: the profile event's fields, and how it ended ("left", "renewed")."""

    customer_id: str
    profile: dict[str, str | int | float]
    outcome: str


def read_customers(path: Path, *, limit: int | None = None) -> list[Customer]:
    """The customers of the file in its order, at most `limit`; raises `TelcoFileError`."""
    if not path.is_file():
        raise TelcoFileError(f"there is no file {path}; expected the Telco churn CSV")
    with path.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        _check_columns(path, rows.fieldnames or [])
        selected_rows = (row for number, row in enumerate(rows) if limit is None or number < limit)
        return [_customer(row, path, number) for number, row in enumerate(selected_rows, start=2)]


def history(customers: Sequence[Customer], *, with_labels: bool = True) -> Iterator[Record]:
    """Every customer's profile event, then every outcome label."""
    for customer in customers:
        envelope = {
            "type": "profile",
            "customer_id": customer.customer_id,
            "event_time": PROFILE_TIME,
        }
        yield record_of({**envelope, **customer.profile}, key=customer.customer_id)
    if not with_labels:
        return
    for customer in customers:
        label = {
            "type": "outcome",
            "customer_id": customer.customer_id,
            "event_time": OUTCOME_TIME,
            "outcome": customer.outcome,
        }
        yield record_of(label, key=customer.customer_id, topic_kind=LABELS)


def _check_columns(path: Path, header: object) -> None:
    names = list(header) if isinstance(header, list | tuple) else []
    expected = [_ID, *_CATEGORIES.values(), _TENURE, _MONTHLY, _TOTAL, _CHURN]
    missing = [name for name in expected if name not in names]
    if missing:
        raise TelcoFileError(f"{path} has no columns {missing}; it has {names}")


def _customer(row: dict[str, str], path: Path, line: int) -> Customer:
    profile: dict[str, str | int | float] = {
        field: row[column] for field, column in _CATEGORIES.items()
    }
    try:
        profile["senior_citizen"] = _YES_NO_OF_FLAG[row["SeniorCitizen"]]
        profile["tenure_months"] = int(row[_TENURE])
        profile["monthly_charge_usd"] = float(row[_MONTHLY])
        # Blank for the 11 customers in their first month, who have paid nothing yet.
        profile["total_charges_usd"] = float(row[_TOTAL].strip() or "0")
        outcome = _OUTCOME_OF_CHURN[row[_CHURN]]
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise TelcoFileError(f"{path} line {line}: cannot read {error} in {row}") from None
    return Customer(customer_id=row[_ID], profile=profile, outcome=outcome)
