"""The row that all systems of the benchmark write: what call-centre software reads of a prediction.

The fields are those of Everscore's row. Nothing is explained here, in no system, so the reasons are
empty.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

MODEL = {"name": "peer", "version": "1"}
HIGH_FROM = 0.5
_VALID = timedelta(days=1)


class Position(NamedTuple):
    """Where an event was read, and when it had arrived there, in ms since 1970."""

    topic: str
    partition: int
    offset: int
    arrived_ms: int


def prediction(entity: str, score: float, event_time: str, at: Position) -> dict[str, Any]:
    """The row of one event; `event_time` as in the event."""
    is_high = score >= HIGH_FROM
    arrived = datetime.fromtimestamp(at.arrived_ms / 1000, UTC)
    return {
        "prediction_id": f"peer-1-{at.partition}-{at.offset}-v1",
        "entity": entity,
        "score": score,
        "band": "high" if is_high else "low",
        "reasons": [],
        "action": "call" if is_high else "none",
        "review": False,
        "control_group": False,
        "scored_at": arrived.isoformat(timespec="milliseconds"),
        "event_time": event_time,
        "features_as_of": event_time,
        "valid_until": (arrived + _VALID).isoformat(timespec="milliseconds"),
        "model": MODEL,
        "source": {"topic": at.topic, "partition": at.partition, "offset": at.offset},
    }
