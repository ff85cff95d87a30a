"""The payments file is read in order of time, or a clear complaint says what it should be."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.fraud.payments import (
    FILE_VARIABLE,
    FraudFileError,
    payments_file,
    read_payments,
)
from tests.unit.fraud.few_payments import START_MS, payments_file_in, payments_of


def test_payments_come_in_order_of_time_whatever_the_files_order(tmp_path: Path) -> None:
    payments, expected = read_payments(payments_file_in(tmp_path)), payments_of()
    assert vars(payments).keys() == vars(expected).keys()
    for name, column in vars(expected).items():
        assert vars(payments)[name].tolist() == column.tolist(), name


def test_a_limit_takes_the_first_customers_with_all_their_payments(tmp_path: Path) -> None:
    payments = read_payments(payments_file_in(tmp_path), limit=1)
    assert payments.customers.tolist() == [4961, 4961, 4961]


def test_a_missing_file_is_told_with_what_it_is_and_its_columns(tmp_path: Path) -> None:
    with pytest.raises(FraudFileError, match="Fraud Detection Handbook") as error:
        read_payments(tmp_path / "none.parquet")
    for expected in ("none.parquet", "TX_DATETIME", FILE_VARIABLE, "simulated-data-raw"):
        assert expected in str(error.value)
    assert error.value.exit_code == 2


def test_a_file_of_another_kind_is_refused_by_its_missing_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"CUSTOMER_ID": [1]}), tmp_path / "other.parquet")
    with pytest.raises(FraudFileError, match="TX_AMOUNT"):
        read_payments(tmp_path / "other.parquet")


def test_the_variable_says_where_the_file_is() -> None:
    assert payments_file({FILE_VARIABLE: "/data/p.parquet"}) == Path("/data/p.parquet")
    assert payments_file({}).name == "fraud_transactions.parquet"


def test_the_handbooks_file_is_what_its_description_says() -> None:
    path = payments_file()
    if not path.is_file():
        pytest.skip(f"the Handbook's payments are not here: {FILE_VARIABLE} can name the file")
    payments = read_payments(path)
    assert (len(payments), int(payments.is_fraud.sum())) == (959_229, 7_616)
    assert payments.times_ms[0] - START_MS == 31_000
