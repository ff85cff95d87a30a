"""Rules about an event's record key and time that its JSON alone cannot show (rules 8 and 9)."""

from dataclasses import dataclass

from features.events import reasons
from features.events.rules import Finding


@dataclass(frozen=True)
class Envelope:
    """The rules of one schema: which field names the entity, how far ahead a clock may be."""

    entity_field: str
    max_future_skew_ms: int

    def finding(
        self, entity: str, key: bytes | None, time_ms: int, latest_ms: int
    ) -> Finding | None:
        """The first rule that is broken; `latest_ms` is the latest time that the event may have."""
        name = self.entity_field
        if key is None:
            return reasons.NULL_KEY, f"the record has no key; expected the {name}"
        if key != entity.encode():
            sentence = f"key {key[:60]!r} is not the event's {name} {entity[:60]!r}"
            return reasons.KEY_MISMATCH, sentence
        if time_ms > latest_ms:
            ahead = (time_ms - latest_ms + self.max_future_skew_ms) / 1000
            allowed = self.max_future_skew_ms / 1000
            sentence = f"event_time is {ahead:,.0f} s after arrival; allowed are {allowed:,.0f} s"
            return reasons.FUTURE_EVENT, sentence
        return None
