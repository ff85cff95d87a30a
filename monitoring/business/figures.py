"""One figure of the business page: a value with its interval and how it was computed."""

import msgspec


class BusinessFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of one period or of several together.

    name       in words, as the page shows it, such as "churn rate in the control group"
    value      None: cannot be said; `reason` says why
    low, high  ends of the interval at `level`; None beside a value: it is counted, not estimated
    unit       "share", "customers", "cards a day", or the scenario's currency
    method     how value and interval were computed, in one sentence
    reason     why there is no value, or what to bear in mind with it; "" otherwise
    cases      predictions that it rests on
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str
    method: str
    reason: str = ""
    cases: int = 0
    level: float = 0.95
