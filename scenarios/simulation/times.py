"""Event times as they are written in events: UTC with milliseconds and a Z."""

from datetime import UTC, datetime


def iso_time(moment: datetime) -> str:
    """For example 2026-01-31T12:00:00.000Z; `moment` must know its time zone."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    """The moment that `iso_time` wrote."""
    return datetime.fromisoformat(text)
