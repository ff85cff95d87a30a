"""The Handbook's simulated payments as columns."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE_VARIABLE = "EVERSCORE_FRAUD_FILE"

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared/data/fraud_transactions.parquet"
_COLUMNS = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD")


class FraudFileError(ValueError):
    """The file is missing, or is not the payments file; says what is expected."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Payments:
    """n payments in order of time and id, each column (n,)."""

    ids: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    customers: npt.NDArray[np.int64]
    terminals: npt.NDArray[np.int64]
    amounts_usd: npt.NDArray[np.float64]
    is_fraud: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def of_first_customers(self, limit: int) -> "Payments":
        """The payments of the first `limit` customers to pay."""
        _, first = np.unique(self.customers, return_index=True)
        customers = self.customers[np.sort(first)[:limit]]
        rows = np.isin(self.customers, customers)
        return Payments(**{name: column[rows] for name, column in vars(self).items()})


def payments_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The path of the file: from the variable, else in ../shared/data beside the checkout."""
    path = environ.get(FILE_VARIABLE)
    return Path(path) if path else _BESIDE_CHECKOUT


def read_payments(path: Path, *, limit: int | None = None) -> Payments:
    """The payments of `path`, of its first `limit` customers only; raises `FraudFileError`."""
    import pyarrow.parquet as pq

    if not path.is_file():
        raise FraudFileError(
            f"there is no file {path}: expected the simulated payments of the Fraud Detection "
            "Handbook, which publishes them on GitHub as simulated-data-raw, as one Parquet file "
            f"with the columns {', '.join(_COLUMNS)}; give it by --file or {FILE_VARIABLE}"
        )
    names = set(pq.read_schema(path).names)
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise FraudFileError(f"{path} has no columns {missing}; expected {list(_COLUMNS)}")
    table = pq.read_table(path, columns=list(_COLUMNS))
    column = {name: table.column(name).to_numpy() for name in _COLUMNS}
    times_ms = column["TX_DATETIME"].astype("datetime64[ms]").astype(np.int64)
    order = np.lexsort((column["TRANSACTION_ID"], times_ms))
    payments = Payments(
        ids=column["TRANSACTION_ID"].astype(np.int64)[order],
        times_ms=times_ms[order],
        customers=column["CUSTOMER_ID"].astype(np.int64)[order],
        terminals=column["TERMINAL_ID"].astype(np.int64)[order],
        amounts_usd=column["TX_AMOUNT"].astype(np.float64)[order],
        is_fraud=column["TX_FRAUD"].astype(np.bool_)[order],
    )
    return payments if limit is None else payments.of_first_customers(limit)
