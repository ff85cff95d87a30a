"""What the fraud model knows of a customer at a payment, with the words that explain it."""

from features.definitions import (
    DaysSincePrevious,
    Feature,
    IsBetweenHours,
    IsWeekend,
    LastValue,
    RatioToMean,
    WindowCount,
    WindowMax,
    WindowMean,
    WindowStd,
    ZScore,
)

HOUR_DAYS = 1 / 24
HANDBOOK_DAYS = (1, 7, 30)
# The Handbook calls a payment nightly up to and including the hour of six.
NIGHT_ENDS_BEFORE_HOUR = 7

_PAYMENTS = ("payment",)
_AMOUNT = "amount_usd"

_PAYMENT: tuple[Feature, ...] = (
    LastValue(name=_AMOUNT, on=_PAYMENTS, field=_AMOUNT, words="pays {value:,.2f} USD"),
    IsWeekend(name="is_weekend", words="paid at a weekend: {value:.0f}"),
    IsBetweenHours(
        name="is_night",
        from_hour=0,
        before_hour=NIGHT_ENDS_BEFORE_HOUR,
        words="paid at night: {value:.0f}",
    ),
)
_HABITS: tuple[Feature, ...] = (
    WindowCount(
        name="payments_1h", on=_PAYMENTS, days=HOUR_DAYS, words="{value:.0f} payments in an hour"
    ),
    *(
        WindowCount(
            name=f"payments_{days}d",
            on=_PAYMENTS,
            days=days,
            words=f"{{value:.0f}} payments in {days} days",
        )
        for days in HANDBOOK_DAYS
    ),
    *(
        WindowMean(
            name=f"amount_mean_{days}d",
            on=_PAYMENTS,
            field=_AMOUNT,
            days=days,
            words=f"paid {{value:,.2f}} USD on average in {days} days",
        )
        for days in HANDBOOK_DAYS
    ),
    WindowMax(
        name="amount_max_7d",
        on=_PAYMENTS,
        field=_AMOUNT,
        days=7,
        words="paid at most {value:,.2f} USD in 7 days",
    ),
    WindowMax(
        name="amount_max_before_30d",
        on=_PAYMENTS,
        field=_AMOUNT,
        days=30,
        with_current=False,
        words="paid at most {value:,.2f} USD before, in 30 days",
    ),
    WindowStd(
        name="amount_std_before_30d",
        on=_PAYMENTS,
        field=_AMOUNT,
        days=30,
        with_current=False,
        words="payments of 30 days spread by {value:,.2f} USD",
    ),
    DaysSincePrevious(
        name="days_since_previous",
        on=_PAYMENTS,
        words="last payment {value:.1f} days ago",
    ),
)
_UNUSUAL: tuple[Feature, ...] = (
    *(
        RatioToMean(
            name=f"amount_ratio_{days}d",
            on=_PAYMENTS,
            field=_AMOUNT,
            days=days,
            words=f"{{value:.1f}} times the mean payment of {days} days",
        )
        for days in (7, 30)
    ),
    ZScore(
        name="amount_zscore_30d",
        on=_PAYMENTS,
        field=_AMOUNT,
        days=30,
        words="{value:.1f} standard deviations above the mean payment of 30 days",
    ),
)

FEATURES: tuple[Feature, ...] = (*_PAYMENT, *_HABITS, *_UNUSUAL)
