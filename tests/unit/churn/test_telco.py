"""The Telco file becomes profile events and outcomes, or a clear complaint."""

import json
from pathlib import Path

import pytest

from scenarios.churn.telco import TelcoFileError, history, read_customers
from tests.unit.churn.customers import HEADER, LINES, telco_file

REAL_FILE = Path(__file__).parents[3] / "data" / "telco_churn.csv"


def test_a_line_becomes_a_profile_event_keyed_by_customer(tmp_path: Path) -> None:
    record = next(history(read_customers(telco_file(tmp_path))))
    assert (record.topic_kind, record.kind, record.key) == ("events", "profile", b"7590-VHVEG")
    event = json.loads(record.value or b"")
    assert event["customer_id"] == "7590-VHVEG"
    assert event["senior_citizen"] == "No"
    assert event["contract"] == "Month-to-month"
    assert (event["tenure_months"], event["monthly_charge_usd"]) == (1, 29.85)


def test_a_blank_total_is_nothing_paid_yet(tmp_path: Path) -> None:
    customer = read_customers(telco_file(tmp_path))[2]
    assert (customer.profile["total_charges_usd"], customer.outcome) == (0.0, "renewed")


def test_outcomes_follow_the_profiles_and_are_dated_later(tmp_path: Path) -> None:
    records = list(history(read_customers(telco_file(tmp_path))))
    assert [record.kind for record in records] == ["profile"] * 3 + ["outcome"] * 3
    assert [record.topic_kind for record in records[3:]] == ["labels"] * 3
    events = [json.loads(record.value or b"") for record in records]
    assert [event["outcome"] for event in events[3:]] == ["renewed", "left", "renewed"]
    assert events[0]["event_time"] < events[3]["event_time"]


def test_labels_can_be_left_out_and_customers_limited(tmp_path: Path) -> None:
    customers = read_customers(telco_file(tmp_path), limit=2)
    assert [record.kind for record in history(customers, with_labels=False)] == ["profile"] * 2


def test_a_renamed_column_is_named(tmp_path: Path) -> None:
    path = telco_file(tmp_path, header=HEADER.replace("tenure", "Tenure"))
    with pytest.raises(TelcoFileError, match=r"has no columns \['tenure'\]"):
        read_customers(path)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("29.85,29.85", "29.85,much", "much"),
        (",No,1,No", ",No,one,No", "one"),
        ("85,No", "85,?", "?"),
    ],
)
def test_an_unreadable_line_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = telco_file(tmp_path, lines=(LINES[0].replace(old, new),))
    with pytest.raises(TelcoFileError, match="line 2") as error:
        read_customers(path)
    assert named in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TelcoFileError, match="there is no file"):
        read_customers(tmp_path / "gone.csv")


def test_the_real_file_has_its_known_counts() -> None:
    customers = read_customers(REAL_FILE)
    left = sum(customer.outcome == "left" for customer in customers)
    blank = sum(customer.profile["tenure_months"] == 0 for customer in customers)
    assert (len(customers), left, blank) == (7043, 1869, 11)
