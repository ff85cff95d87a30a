"""From a record of `S.review` or `S.dead-letter` to a case, and from a case to its decisions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from features.events import reasons
from scenarios.contract.review.decisions import ReviewDecision
from serving.review_queue.rules import QueueRules, final_verdict
from stores.hbase.predictions import Prediction, Source
from stores.records.erasures import ErasedEntities
from stores.records.review_cases import (
    NOT_ANALYSED,
    REFUSED_ENDING,
    RULE,
    RefusedEvent,
    ReviewCase,
    Sent,
)

_BY_RULE = Sent(because=(RULE,), propensity=1.0)
_REFUSED = Sent(because=(NOT_ANALYSED,), propensity=1.0)
# Of an attachment's text that a case holds; a longer one is not shown.
_MOST_TEXT_BYTES = 65_536
_MOST_ENTITY_CHARACTERS = 300

# Given an event as text, what can be shown of it: attachment field → what the field holds.
Shown = Callable[[Mapping[str, str]], Mapping[str, str]]


@dataclass(frozen=True)
class CaseRecord:
    """A record of the topic of cases or of dead letters.

    arrived_ms: when Kafka had it, UTC epoch ms
    """

    value: bytes
    arrived_ms: int
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class _Message(msgspec.Struct, frozen=True):
    sent: Sent = _BY_RULE
    features: tuple[float | None, ...] = ()


def case_of(record: CaseRecord, scenario: str, rules: QueueRules) -> ReviewCase | None:
    """The case in a record of the topic; None where it is none."""
    try:
        prediction = msgspec.json.decode(record.value, type=Prediction)
        message = msgspec.json.decode(record.value, type=_Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not prediction.prediction_id.startswith(f"{scenario}-") or not (
        0.0 < message.sent.propensity <= 1.0
    ):
        return None
    return ReviewCase(
        scenario=scenario,
        prediction=prediction,
        sent=message.sent,
        features=message.features,
        arrived_ms=record.arrived_ms,
        due_ms=record.arrived_ms + round(rules.due_seconds * 1000),
        opinions_wanted=rules.opinions_wanted(prediction.prediction_id),
    )


def refused_case(
    record: CaseRecord, scenario: str, rules: QueueRules, shown: Shown
) -> ReviewCase | None:
    """The case of an event whose dead letter is `record`; None where it is no dead letter.

    A dead letter that is sent twice is one case. What an erased customer sent is none.
    """
    texts = {name: text or b"" for name, text in record.headers}
    code = _text(texts.get("reason_code"))
    partition, offset = _number(texts, "source_partition"), _number(texts, "source_offset")
    if not code or partition is None or offset is None or code == reasons.ERASED:
        return None
    epoch, arrived_ms = _number(texts, "source_epoch"), _number(texts, "source_timestamp_ms")
    case_id = f"{scenario}-{epoch or 0}-{partition}-{offset}{REFUSED_ENDING}"
    arrived_ms = record.arrived_ms if arrived_ms is None else arrived_ms
    event = RefusedEvent(
        case_id=case_id,
        entity=key_text(record),
        reason_code=code,
        reason=_text(texts.get("reason")),
        arrived_ms=arrived_ms,
        source=Source(_text(texts.get("source_topic")), partition, offset),
        attachments=dict(shown(strings_in(record.value))),
    )
    return ReviewCase(
        scenario=scenario,
        prediction=None,
        refused=event,
        sent=_REFUSED,
        arrived_ms=arrived_ms,
        due_ms=arrived_ms + round(rules.due_seconds * 1000),
    )


def key_text(record: CaseRecord) -> str:
    """The record's key as text, cut; "" without one."""
    return _text(record.key)[:_MOST_ENTITY_CHARACTERS]


def strings_in(value: bytes) -> Mapping[str, str]:
    """The members of an event that are strings of bounded length; none where it is no object."""
    try:
        members = msgspec.json.decode(value)
    except (ValueError, RecursionError):  # also of half a character, and of an event that was cut
        return {}
    if not isinstance(members, dict):
        return {}
    return {
        name: text
        for name, text in members.items()
        if isinstance(text, str) and len(text) <= _MOST_TEXT_BYTES
    }


def _number(texts: Mapping[str, bytes], name: str) -> int | None:
    text = texts.get(name, b"")
    return int(text) if text.isdigit() and len(text) < 19 else None


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")


def decisions_of(case: ReviewCase, rules: QueueRules) -> list[ReviewDecision]:
    """What is published of `case`: a decision for each opinion.

    A decision depends on its own opinion and the earlier ones alone: it never changes.
    """
    prediction = case.prediction
    decisions = []
    for number, opinion in enumerate(case.opinions, start=1):
        label = None
        if opinion.is_final:
            label = rules.plan.label_of(final_verdict(case.opinions[:number]))
        decisions.append(
            ReviewDecision(
                decision_id=f"{case.id}/{number}",
                entity=case.entity,
                event_time=datetime.fromtimestamp(opinion.at_ms / 1000, UTC),
                prediction_id=case.id,
                opinion=number,
                is_final=opinion.is_final,
                verdict=opinion.verdict,
                label=None if label is None else int(label),
                note=opinion.note,
                reviewer=opinion.reviewer,
                because=case.sent.because,
                propensity=case.sent.propensity,
                score=None if prediction is None else prediction.score,
                band="" if prediction is None else prediction.band,
                model_version="" if prediction is None else prediction.model.version,
                partition=case.source.partition,
                offset=case.source.offset,
            )
        )
    return decisions


def is_erased(case: ReviewCase, erased: ErasedEntities) -> bool:
    """Whether the customer was erased after the event that was scored."""
    erasure = erased.of(case.entity) if erased else None
    return erasure is not None and case.is_covered(erasure)
