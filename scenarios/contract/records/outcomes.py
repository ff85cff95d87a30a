"""What was done about a prediction, and what the customer answered: the records of `S.outcomes`.

One schema for all scenarios. A record is a flat JSON object, keyed by the entity's id:

    {"type": "outcome", "entity": "7590-VHVEG", "event_time": "2026-11-28T10:15:00Z",
     "prediction_id": "churn-1-0-1234-v2", "status": "refused", "reason": "too expensive",
     "offer": "one year at 20 %", "cost": 0, "agent": "a17"}

It is judged by the rules of features/events/rules.py, and by those of its texts, which come last:

- `prediction_id` is a string of 1 to `MAX_TEXT_BYTES` bytes of UTF-8.
- `reason` is one where `status` is "refused"; elsewhere, like `offer` and `agent`, it may be left
  out, or be a string of at most `MAX_TEXT_BYTES`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from features.events import reasons
from features.events.decode import EventDecoder, Events, Records
from features.events.fast import kernel
from features.events.json_members import MemberReader, Members, text_of, value_of
from features.events.reasons import Refusal
from features.events.rules import Finding
from features.schema import Category, EventSchema, EventType, Number

SHOWN, ACCEPTED, REFUSED = "shown", "accepted", "refused"
STATUSES = (SHOWN, ACCEPTED, REFUSED)
MAX_TEXT_BYTES = 512
# More than any single offer costs, in any currency; a mistake is refused.
_LARGEST_COST = 1e9

OUTCOME_SCHEMA = EventSchema(
    entity_field="entity",
    types=(
        EventType(
            name="outcome",
            meaning="an agent acted on a prediction, and what the customer answered",
            fields=(
                Category(name="status", values=STATUSES),
                Number(
                    name="cost",
                    unit="of the scenario's currency",
                    minimum=0,
                    maximum=_LARGEST_COST,
                    required=False,
                ),
            ),
        ),
    ),
)
_TEXTS = ("prediction_id", "reason", "offer", "agent")
_TEXT_EXPECTED = "a string"


@dataclass(frozen=True)
class Outcomes:
    """m valid outcomes and what was refused, in offset order.

    events          as the decoder returns them: rows, entities, times, values, refusals
    texts           per outcome: prediction_id, reason, offer, agent; "" where it has none
    """

    events: Events
    texts: Sequence[Mapping[str, str]]

    @property
    def statuses(self) -> list[str]:
        """One of `STATUSES` per outcome."""
        codes = self.events.values[:, OUTCOME_SCHEMA.columns["status"]].astype(np.int64)
        return [STATUSES[code] for code in codes.tolist()]

    @property
    def costs(self) -> list[float]:
        """What each cost, in the scenario's currency; 0 where it is not given."""
        column = self.events.values[:, OUTCOME_SCHEMA.columns["cost"]]
        costs: list[float] = np.nan_to_num(column).tolist()
        return costs


class OutcomeDecoder:
    """Decodes and checks outcomes; what breaks a rule becomes a refusal, never an exception."""

    def __init__(self, *, max_event_bytes: int, max_future_skew_seconds: float) -> None:
        self._events = EventDecoder(
            OUTCOME_SCHEMA,
            max_event_bytes=max_event_bytes,
            max_future_skew_seconds=max_future_skew_seconds,
        )
        self._members = MemberReader()

    def decode(self, records: Records) -> Outcomes:
        """Split `records` into outcomes and refusals; every record is in exactly one."""
        events = self._events.decode(records)
        texts: list[Mapping[str, str]] = []
        valid: list[int] = []
        refusals = list(events.refusals)
        codes = events.values[:, OUTCOME_SCHEMA.columns["status"]].astype(np.int64).tolist()
        for position, row in enumerate(events.rows.tolist()):
            members_or_finding = self._texts(records.values[row] or b"", STATUSES[codes[position]])
            if isinstance(members_or_finding, tuple):
                refusals.append(Refusal(row, *members_or_finding))
            else:
                texts.append(members_or_finding)
                valid.append(position)
        return Outcomes(
            replace(
                events,
                rows=events.rows[valid],
                entities=[events.entities[position] for position in valid],
                type_codes=events.type_codes[valid],
                times_ms=events.times_ms[valid],
                values=events.values[valid],
                refusals=sorted(refusals, key=lambda refusal: refusal.row),
            ),
            texts,
        )

    def _texts(self, raw: bytes, status: str) -> Mapping[str, str] | Finding:
        members = self._members.members(raw)
        if isinstance(members, tuple):  # the other reader would have refused it
            return members
        required = {"prediction_id", *(["reason"] if status == REFUSED else [])}
        texts = {}
        for name in _TEXTS:
            text = _text(raw, members, name, is_required=name in required)
            if isinstance(text, tuple):
                return text
            texts[name] = text
        return texts


def refusals_of(
    documents: Sequence[Mapping[str, Any]], decoder: OutcomeDecoder, *, now_ms: int
) -> list[Refusal]:
    """What would be refused of `documents` if they arrived at `now_ms` under their own keys."""
    values = [msgspec.json.encode(document) for document in documents]
    records = Records(
        keys=[key_of(document) for document in documents],
        values=values,
        offsets=np.arange(len(values), dtype=np.int64),
        timestamps_ms=np.full(len(values), now_ms, dtype=np.int64),
    )
    return decoder.decode(records).events.refusals


def key_of(document: Mapping[str, Any]) -> bytes:
    """The record key of an outcome: its entity's id; empty where that is no text."""
    entity = document.get(OUTCOME_SCHEMA.entity_field)
    return entity.encode() if isinstance(entity, str) else b""


def _text(raw: bytes, members: Members, name: str, *, is_required: bool) -> str | Finding:
    row = members.get(name.encode())
    if row is None:
        if is_required:
            return reasons.MISSING_FIELD, f"field {name!r} is missing; expected {_TEXT_EXPECTED}"
        return ""
    if row[kernel.KIND] != kernel.STRING:
        shown = value_of(raw, row)
        return reasons.WRONG_TYPE, f"field {name!r} is {shown}; expected {_TEXT_EXPECTED}"
    text = text_of(raw, row)
    size, least = len(text.encode()), 1 if is_required else 0
    if not least <= size <= MAX_TEXT_BYTES:
        sentence = f"field {name!r} has {size} bytes; allowed {least} to {MAX_TEXT_BYTES}"
        return reasons.OUT_OF_RANGE, sentence
    return text
