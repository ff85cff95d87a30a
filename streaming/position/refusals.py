"""Reasons for which the stream refuses to run on; each says what to do, none loses an event.

They are raised in Python workers, travel to the driver as text inside Spark's own exceptions, and
are recognised there by the tag in front of the message.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from stores.hbase.connection import TableMissing

_TAG = "everscore-refused"
_PATTERN = re.compile(rf"\[{_TAG}:(?P<name>\w+):(?P<detail>[^\]]*)\] (?P<message>[^\n]*)")


class Refused(RuntimeError):
    """Running on would misread or lose something; `detail` is for the supervisor."""

    exit_code = 4

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(f"[{_TAG}:{type(self).__name__}:{detail}] {message}")
        self.message = message
        self.detail = detail

    def for_people(self) -> "Refused":
        """Itself without the tag that it travelled with, for messages to people."""
        self.args = (self.message,)
        return self


class EpochChanged(Refused):
    """The topic was recreated or its partitions changed; stamps would mean other records."""


class EpochLost(Refused):
    """The control table has no epoch, but one has begun before."""


class TrimmedHistory(Refused):
    """A replay reaches below the oldest kept version of an entity's state."""


class StoreBehind(Refused):
    """The store does not end where this batch begins; the stream must go on from its marker."""


class LostToRetention(Refused):
    """Kafka no longer holds what the stream has to read next."""


class ReplayRefused(Refused):
    """The requested replay would skip events, or cannot be read any more."""


class StatesLost(Refused):
    """The store has no rows where epoch or checkpoint say that there must be some."""


class StateUnreadable(Refused):
    """A stored state is of other definitions or damaged."""


class NoModel(Refused):
    """No model version could be loaded, not even an earlier one."""


class RefusedByWorker(Refused):
    """Any other error with exit code 4 that a worker met, such as a missing table."""


@contextmanager
def refusals_travel(name: str) -> Iterator[None]:
    """Errors inside the block that declare exit code 4 reach the driver as refusals.

    Spark passes on only the text of a worker's error. `name` is the stream's.
    """
    try:
        yield
    except Refused:
        raise
    except TableMissing as error:
        raise RefusedByWorker(str(error.for_stream(name))) from error
    except Exception as error:
        if getattr(error, "exit_code", None) != Refused.exit_code:
            raise
        raise RefusedByWorker(str(error)) from error


_CLASSES: dict[str, type[Refused]] = {
    refusal.__name__: refusal
    for refusal in (
        EpochChanged,
        EpochLost,
        TrimmedHistory,
        StoreBehind,
        LostToRetention,
        ReplayRefused,
        StatesLost,
        StateUnreadable,
        NoModel,
        RefusedByWorker,
    )
}


def refusal_in(text: str) -> Refused | None:
    """The refusal that the text of a Spark exception carries, or None."""
    match = _PATTERN.search(text)
    if match is None or match["name"] not in _CLASSES:
        return None
    return _CLASSES[match["name"]](match["message"], detail=match["detail"])
