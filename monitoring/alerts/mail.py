"""Alerts by mail, through any SMTP server."""

import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Literal

from monitoring.alerts.delivery import AlertNotSent
from stores.records.alerts import OpenAlert

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, kw_only=True)
class Mail:
    """The channel "mail".

    security         how the connection is encrypted; username "": no login
    timeout_seconds  of one attempt; pauses between them: 1, 2, 4 … times `pause_seconds`
    trust            which certificates count; default: those of the system
    """

    host: str
    port: int
    security: Security
    sender: str
    recipients: tuple[str, ...]
    timeout_seconds: float
    attempts: int
    username: str = ""
    password: str = field(default="", repr=False)
    pause_seconds: float = 1.0
    sleep: Callable[[float], None] = time.sleep
    trust: ssl.SSLContext | None = None

    name = "mail"

    def send(self, alert: OpenAlert) -> None:
        """Send it to all recipients in one mail; raises `AlertNotSent`.

        What the server refuses for good (a 5xx reply, a login) is not tried again.
        """
        message = message_of(alert, sender=self.sender, recipients=self.recipients)
        for attempt in range(1, self.attempts + 1):
            try:
                self._send(message)
                return
            except (OSError, smtplib.SMTPException) as error:
                if attempt == self.attempts or _is_final(error):
                    raise AlertNotSent(
                        f"the mail server at {self.host}:{self.port} did not take the alert "
                        f"({type(error).__name__}: {error})"
                    ) from error
                self.sleep(self.pause_seconds * 2.0 ** (attempt - 1))

    def _send(self, message: EmailMessage) -> None:
        trust = self.trust or ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_seconds, context=trust)
            if self.security == "tls"
            else smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        )
        with server:
            if self.security == "starttls":
                server.starttls(context=trust)
            if self.username:
                server.login(self.username, self.password)
            server.send_message(message)


def message_of(alert: OpenAlert, *, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """The mail: what, why, since when, and where to look."""
    message = EmailMessage()
    word = "over" if alert.is_over else alert.severity
    # A header is one line, whatever the subject of an alarm holds.
    message["Subject"] = " ".join(f"[everscore {word}] {alert.title}".split())
    message["From"], message["To"] = sender, ", ".join(recipients)
    message["Date"], message["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid()
    since = datetime.fromtimestamp(alert.since_ms / 1000, UTC)
    message.set_content(
        f"{alert.sentence}\n\n"
        f"since:    {since:%Y-%m-%d %H:%M:%S} UTC{', over now' if alert.is_over else ''}\n"
        f"evidence: {alert.evidence}\n"
        f"what to do: {alert.runbook}\n"
    )
    return message


def _is_final(error: Exception) -> bool:
    """Whether another attempt would meet the same answer."""
    if isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPNotSupportedError):
        return True
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPServerDisconnected | smtplib.SMTPConnectError):
        return False
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
