"""A handful of payments, in memory and as a file like the Handbook's."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenarios.fraud.payments import Payments

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_522_540_800_000  # 2018-04-01, a Sunday

# day, hour, customer, terminal, amount in USD, whether it is a fraud
Line = tuple[int, int, int, int, float, bool]
LINES: tuple[Line, ...] = (
    (0, 1, 4961, 3412, 81.51, False),
    (0, 12, 2, 1365, 146.00, False),
    (1, 12, 4961, 3412, 20.00, True),
    (8, 7, 4961, 3412, 60.00, False),
    (8, 13, 2, 3412, 73.00, False),
)


def payments_of(lines: tuple[Line, ...] = LINES) -> Payments:
    """The lines as columns, with ids from 100."""
    days, hours, customers, terminals, amounts, frauds = zip(*lines, strict=True)
    return Payments(
        ids=np.arange(len(lines), dtype=np.int64) + 100,
        times_ms=START_MS + np.array(days) * DAY_MS + np.array(hours) * HOUR_MS,
        customers=np.array(customers, dtype=np.int64),
        terminals=np.array(terminals, dtype=np.int64),
        amounts_usd=np.array(amounts),
        is_fraud=np.array(frauds, dtype=np.bool_),
    )


def payments_file_in(folder: Path) -> Path:
    """The same as a Parquet file, rows in reverse."""
    payments, path = payments_of(), folder / "payments.parquet"
    columns = {
        "TRANSACTION_ID": pa.array(payments.ids.astype(np.int32)[::-1]),
        "TX_DATETIME": pa.array(payments.times_ms[::-1].astype("datetime64[ms]")),
        "CUSTOMER_ID": pa.array(payments.customers.astype(np.int32)[::-1]),
        "TERMINAL_ID": pa.array(payments.terminals.astype(np.int32)[::-1]),
        "TX_AMOUNT": pa.array(payments.amounts_usd[::-1]),
        "TX_FRAUD": pa.array(payments.is_fraud.astype(np.int8)[::-1]),
        "TX_FRAUD_SCENARIO": pa.array(np.zeros(len(payments), dtype=np.int8)),
    }
    pq.write_table(pa.table(columns), path)
    return path
