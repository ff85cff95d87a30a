"""Times as people type them."""

from datetime import UTC, datetime


class TimeUnreadable(ValueError):
    """A time is not written as ISO 8601."""

    exit_code = 2


def moment_of(text: str | None) -> datetime | None:
    """`"2026-11-21T12:00:00Z"` as a moment, UTC when no zone is named; None stays None.

    Raises `TimeUnreadable`.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TimeUnreadable(f"{text!r} is no time, such as 2026-11-21T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
