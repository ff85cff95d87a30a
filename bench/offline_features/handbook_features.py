"""The Handbook's features with pandas: a rolling window per customer and per terminal.

After the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi, 2022), chapter 3,
"Baseline feature transformation": each group is sorted by time, and `rolling` is called on it once
for each window and figure. Its sort is made stable here, so that payments of one moment keep their
order.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from scenarios.contract.scenario import Scenario
from scenarios.fraud.columns import HANDBOOK_FEATURES
from scenarios.fraud.events import VERDICT_DELAY_DAYS
from scenarios.fraud.payments import Payments
from scenarios.fraud.predictors import HANDBOOK_DAYS
from scenarios.fraud.scenario import SCENARIO

_NIGHT_ENDS_AT_HOUR = 6
_SATURDAY = 5


def payments_frame(payments: Payments) -> pd.DataFrame:
    """The payments as the Handbook stores them."""
    return pd.DataFrame(
        {
            "payment_id": payments.ids,
            "time": payments.times_ms.astype("datetime64[ms]"),
            "customer": payments.customers,
            "terminal": payments.terminals,
            "amount_usd": payments.amounts_usd,
            "is_fraud": payments.is_fraud.astype(np.int64),
        }
    )


def handbook_features(payments: pd.DataFrame) -> pd.DataFrame:
    """Its 15 features, named as the scenario names them, in the order of `payments`; 0 if none."""
    frame = payments.copy()
    frame["is_weekend"] = frame["time"].apply(lambda time: int(time.weekday() >= _SATURDAY))
    frame["is_night"] = frame["time"].apply(lambda time: int(time.hour <= _NIGHT_ENDS_AT_HOUR))
    for key, of_group in (("customer", _of_customer), ("terminal", _of_terminal)):
        groups = [of_group(group) for _, group in frame.groupby(key)]
        frame = pd.concat(groups).sort_values("payment_id").reset_index(drop=True)
    return frame.drop(columns=["payment_id", "time", "customer", "terminal", "is_fraud"]).fillna(0)


def with_handbook_features() -> Scenario:
    """The scenario with nothing but the Handbook's features."""
    wanted = set(HANDBOOK_FEATURES)
    features = tuple(feature for feature in SCENARIO.features if feature.name in wanted)
    second = tuple(
        replace(
            second_entity, features=tuple(f for f in second_entity.features if f.name in wanted)
        )
        for second_entity in SCENARIO.second_entities
    )
    return replace(SCENARIO, features=features, second_entities=second)


def as_matrix(frame: pd.DataFrame, names: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """The columns `names` as float64 (n, k)."""
    return frame[list(names)].to_numpy(dtype=np.float64)


def _of_customer(payments: pd.DataFrame) -> pd.DataFrame:
    frame = payments.sort_values("time", kind="stable").set_index("time", drop=False)
    for days in HANDBOOK_DAYS:
        total = frame["amount_usd"].rolling(f"{days}d").sum()
        number = frame["amount_usd"].rolling(f"{days}d").count()
        frame[f"payments_{days}d"] = number.to_numpy()
        frame[f"amount_mean_{days}d"] = (total / number).to_numpy()
    return frame


def _of_terminal(payments: pd.DataFrame) -> pd.DataFrame:
    frame = payments.sort_values("time", kind="stable").set_index("time", drop=False)
    frauds_unknown = frame["is_fraud"].rolling(f"{VERDICT_DELAY_DAYS}d").sum()
    number_unknown = frame["is_fraud"].rolling(f"{VERDICT_DELAY_DAYS}d").count()
    for days in HANDBOOK_DAYS:
        span = f"{VERDICT_DELAY_DAYS + days}d"
        frauds = frame["is_fraud"].rolling(span).sum() - frauds_unknown
        number = frame["is_fraud"].rolling(span).count() - number_unknown
        frame[f"terminal_verdicts_{days}d"] = number.to_numpy()
        frame[f"terminal_fraud_share_{days}d"] = (frauds / number).to_numpy()
    return frame
