"""Alerts are sent once per subject and again when they are over; the next run sends what failed."""

from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from stores.records.alerts import OpenAlert


class AlertNotSent(RuntimeError):
    """A channel did not take an alert, after all its attempts; the message says why."""


class Channel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str:
        """Under which it stands in the alert's record."""
        ...

    def send(self, alert: OpenAlert) -> None:
        """Send it, or that it is over; raises `AlertNotSent`. May arrive twice after a crash."""
        ...


class Alerts(Protocol):
    """Where alerts are stored, see `stores.records.alerts.AlertTable`."""

    def all(self) -> list[OpenAlert]:
        """All that are stored."""
        ...

    def write(self, alert: OpenAlert) -> None:
        """Store one in place of that of the same subject."""
        ...

    def remove(self, alert: OpenAlert) -> None:
        """Remove that of the subject."""
        ...


def deliver(
    wanted: Sequence[OpenAlert], stored: Alerts, channels: Sequence[Channel], *, now_ms: int
) -> list[str]:
    """Open, send and resolve alerts until they are those that are `wanted`; a line for each change.

    An alert that is stored is not sent again to a channel that took it. One that is no longer
    wanted is sent once more, as over, and removed when all channels know. What a channel does not
    take is tried by the next call; the lines say so.
    """
    lines = _updated(wanted, stored, now_ms=now_ms)
    for alert in stored.all():
        current = alert
        for channel in channels:
            if channel.name in current.sent_to:
                continue
            try:
                channel.send(current)
            except AlertNotSent as failure:
                lines.append(f"{failure}; the next run tries again")
                continue
            current = replace(current, sent_to=(*current.sent_to, channel.name))
            stored.write(current)
        if current.is_over and {channel.name for channel in channels} <= set(current.sent_to):
            stored.remove(current)
    return lines


def _updated(wanted: Sequence[OpenAlert], stored: Alerts, *, now_ms: int) -> list[str]:
    lines = []
    before = {alert.subject: alert for alert in stored.all()}
    subjects = {alert.subject for alert in wanted}
    for alert in wanted:
        earlier = before.get(alert.subject)
        if earlier is None or earlier.is_over or earlier.severity != alert.severity:
            stored.write(replace(alert, since_ms=now_ms))
            lines.append(f"alert ({alert.severity}): {alert.title}: {alert.sentence}")
    for alert in before.values():
        if alert.subject not in subjects and not alert.is_over:
            stored.write(replace(alert, is_over=True, sent_to=()))
            lines.append(f"over: {alert.title}")
    return lines
