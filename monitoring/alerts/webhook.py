"""Alerts to a webhook: one POST of JSON, tried again when the server is busy or away."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import urllib3
from urllib3.util import Retry, Timeout, parse_url

from monitoring.alerts.delivery import AlertNotSent
from stores.records.alerts import OpenAlert

_BUSY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """The channel "webhook".

    url            may hold a token, and stands in no message
    timeout_seconds  of one attempt
    attempts       pauses between them: 0, then 2, 4, 8 … times `pause_seconds`, or what the server
                   asks for by Retry-After
    """

    url: str
    timeout_seconds: float
    attempts: int
    pause_seconds: float = 1.0

    name = "webhook"

    def send(self, alert: OpenAlert) -> None:
        """POST it; any status below 300 is success. Raises `AlertNotSent`."""
        retries = Retry(
            total=self.attempts - 1,
            redirect=0,
            status_forcelist=_BUSY,
            allowed_methods=None,  # POST as well: an alert that arrives twice does no harm
            backoff_factor=self.pause_seconds,
            raise_on_status=False,
        )
        where = parse_url(self.url).host
        try:
            with urllib3.PoolManager() as pool:
                reply = pool.request(
                    "POST",
                    self.url,
                    body=message_of(alert),
                    headers={"Content-Type": "application/json"},
                    retries=retries,
                    timeout=Timeout(total=self.timeout_seconds),
                )
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error
            raise AlertNotSent(
                f"the webhook at {where} does not answer ({type(cause).__name__})"
            ) from None
        if reply.status >= 300:
            raise AlertNotSent(f"the webhook at {where} answered {reply.status}")


def message_of(alert: OpenAlert) -> bytes:
    """The document that is posted; `text` is what chat programs show."""
    status = "resolved" if alert.is_over else "firing"
    since = datetime.fromtimestamp(alert.since_ms / 1000, UTC).isoformat(timespec="seconds")
    return msgspec.json.encode(
        {
            "text": f"[{status}] {alert.title}: {alert.sentence}",
            "status": status,
            "severity": alert.severity,
            "scenario": alert.scenario,
            "subject": alert.subject,
            "title": alert.title,
            "sentence": alert.sentence,
            "since": since,
            "evidence": alert.evidence,
            "runbook": alert.runbook,
        }
    )
