"""Features of the clock as operations of the fold."""

from features.definitions import ClockFeature, HourOfDay, IsBetweenHours
from features.fold import kernel
from features.schema import SchemaError


def clock_operation(feature: ClockFeature) -> tuple[int, float]:
    """The operation, and the hours of the day as bits where it needs them.

    Raises `SchemaError` for hours that no day has.
    """
    if isinstance(feature, HourOfDay):
        return kernel.SET_HOUR, 0.0
    if isinstance(feature, IsBetweenHours):
        start, stop = feature.from_hour, feature.before_hour
        if not (0 <= start < 24 and 0 <= stop <= 24):
            raise SchemaError(f"feature {feature.name!r}: hours {start} to {stop}, allowed 0 to 24")
        after = stop if stop > start else stop + 24
        return kernel.SET_HOUR_IN, float(sum(1 << hour % 24 for hour in range(start, after)))
    return kernel.SET_WEEKEND, 0.0
