"""What a reviewer decided about a case: the records of `S.review-decisions`.

One schema for all scenarios. A record is a flat JSON object, keyed by the entity's id:

    {"type": "review_decision", "decision_id": "fraud-1-0-1234-v2/1", "entity": "4711",
     "event_time": "2026-11-28T10:15:00.000Z", "prediction_id": "fraud-1-0-1234-v2",
     "opinion": 1, "is_final": true, "verdict": "fraud", "label": 1, "note": "card was copied",
     "reviewer": "r17", "because": ["rule"], "propensity": 1.0, "score": 0.4, "band": "review",
     "model_version": "2", "partition": 0, "offset": 1234}

A decision is stored once and sent at least once: of records with one `decision_id` all say the
same, and one counts. Of the opinions of a case the one with the largest `opinion` that `is_final`
carries the case's label; `verdict` and `reviewer` are those of the opinion, `label` that of the
case where it is final. `label` is null where the verdict leaves it open. `propensity` is the
probability with which such a case is reviewed: weighted by its inverse, the decisions stand for all
cases.

A decision about an event that has no prediction (`because` is ["not_analysed"]) has the id of its
case as `prediction_id`, which ends with "-refused" instead of a version, `score` null, and empty
`band` and `model_version`.
"""

from datetime import datetime

import msgspec

TYPE = "review_decision"
TOPIC_KIND = "review-decisions"
MAX_NOTE_BYTES = 2_000


class ReviewDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One opinion about one case.

    event_time         when it was given, UTC
    opinion            1, 2, … of the case; is_final: no further one is wanted
    label              1 positive, 0 negative, None unknown; None unless final
    because, propensity   why the case was sent, and with which probability such a case is
    partition, offset  of the event that was scored; its epoch stands in `prediction_id`
    """

    type: str = TYPE
    decision_id: str
    entity: str
    event_time: datetime
    prediction_id: str
    opinion: int
    is_final: bool
    verdict: str
    label: int | None
    note: str
    reviewer: str
    because: tuple[str, ...]
    propensity: float
    score: float | None
    band: str
    model_version: str
    partition: int
    offset: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ReviewDecision).decode


def decision_document(decision: ReviewDecision) -> bytes:
    """The record's value."""
    return _encode(decision)


def decision_in(value: bytes) -> ReviewDecision | None:
    """The decision in a record's value; None where it is none."""
    try:
        decision = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    is_sound = decision.type == TYPE and 0.0 < decision.propensity <= 1.0
    return decision if is_sound and decision.label in (None, 0, 1) else None
