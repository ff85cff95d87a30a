"""The payments as the fold over columns takes them, with what their terminals saw."""

import numpy as np
import numpy.typing as npt

from features.fold.history import HistoryColumns
from features.schema import EventSchema
from scenarios.fraud.events import SCHEMA, VERDICT_DELAY_DAYS
from scenarios.fraud.payments import Payments
from scenarios.fraud.predictors import HANDBOOK_DAYS
from scenarios.fraud.terminal import TERMINAL
from scenarios.simulation.labelled_history import LabelledHistory, SecondHistory

_DELAY_MS = VERDICT_DELAY_DAYS * 86_400_000

# What the Handbook's own models know (chapter 3).
HANDBOOK_FEATURES = (
    "amount_usd",
    "is_weekend",
    "is_night",
    *(f"payments_{days}d" for days in HANDBOOK_DAYS),
    *(f"amount_mean_{days}d" for days in HANDBOOK_DAYS),
    *(f"terminal_verdicts_{days}d" for days in HANDBOOK_DAYS),
    *(f"terminal_fraud_share_{days}d" for days in HANDBOOK_DAYS),
)


def labelled_history(payments: Payments) -> LabelledHistory:
    """All payments in order of time, and the verdicts on each terminal."""
    terminal_codes = np.unique(payments.terminals, return_inverse=True)[1].astype(np.int64)
    codes = np.unique(payments.customers, return_inverse=True)[1].astype(np.int64)
    payment_values = _values(
        SCHEMA,
        payment_id=payments.ids,
        terminal_id=payments.terminals,
        amount_usd=payments.amounts_usd,
    )
    return LabelledHistory(
        events=HistoryColumns(
            entity_codes=codes,
            type_codes=np.zeros(len(payments), dtype=np.int64),
            times_ms=payments.times_ms,
            values=payment_values,
        ),
        outcomes=payments.is_fraud.astype(np.int64),
        second={
            TERMINAL.name: SecondHistory(
                events=_at_terminals(payments, terminal_codes),
                asked_codes=terminal_codes,
            )
        },
        reference_features=HANDBOOK_FEATURES,
    )


def _at_terminals(payments: Payments, codes: npt.NDArray[np.int64]) -> HistoryColumns:
    schema = TERMINAL.schema
    return HistoryColumns(
        entity_codes=codes,
        type_codes=np.full(len(payments), schema.type_codes["verdict"], dtype=np.int64),
        times_ms=payments.times_ms + _DELAY_MS,
        values=_values(
            schema,
            payment_id=payments.ids,
            # False and True are the positions of genuine and fraud.
            verdict=payments.is_fraud.astype(np.float64),
        ),
    )


def _values(
    schema: EventSchema, **fields: npt.NDArray[np.float64] | npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    count = len(next(iter(fields.values())))
    values = np.full((count, len(schema.columns)), np.nan)
    for name, column in fields.items():
        values[:, schema.columns[name]] = column
    return values
