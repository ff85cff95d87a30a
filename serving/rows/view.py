"""A latest row as everybody shows it: the stored document with its age and whether it is stale."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b

import msgspec

from stores.hbase.predictions import Prediction
from streaming.position.staleness import Staleness, StreamLag

_decode = msgspec.json.Decoder(Prediction).decode
_encode = msgspec.json.Encoder().encode
_TAG_BYTES = 12


@dataclass(frozen=True, kw_only=True)
class RowView:
    """A latest row as it is read at one moment.

    document    the bytes of `p:latest`, one JSON object
    prediction  the same, decoded
    staleness   its age, and why it may no longer be acted upon
    """

    document: bytes
    prediction: Prediction
    staleness: Staleness

    @property
    def age_seconds(self) -> float:
        """Seconds since the newest event in the score."""
        return self.staleness.age_seconds

    @property
    def stale(self) -> bool:
        """Whether the row is past `valid_until`, or newer events wait to be scored."""
        return self.staleness.is_stale

    @property
    def stale_because(self) -> tuple[str, ...]:
        """Why it is stale, in words; empty when it is not."""
        return self.staleness.reasons

    @cached_property
    def change_id(self) -> str:
        """Another one for another document, and when the row becomes stale or fresh again."""
        digest = blake2b(self.document, digest_size=_TAG_BYTES).hexdigest()
        return f"{digest}{'-stale' if self.stale else ''}"

    @property
    def etag(self) -> str:
        """A weak entity tag: `age_seconds` differs between answers that have the same one."""
        return f'W/"{self.change_id}"'

    @property
    def json(self) -> bytes:
        """The stored document with `age_seconds`, `stale` and `stale_because` at its end."""
        return b'%s,"age_seconds":%s,"stale":%s,"stale_because":%s}' % (
            self.document.rstrip()[:-1],
            _encode(self.age_seconds),
            _encode(self.stale),
            _encode(self.stale_because),
        )


def row_view(document: bytes, lag: StreamLag, *, now: datetime) -> RowView:
    """The view of a stored document at `now`, when the stream is behind by `lag`."""
    prediction = _decode(document)
    staleness = lag.staleness(prediction, now=now)
    return RowView(document=document, prediction=prediction, staleness=staleness)
