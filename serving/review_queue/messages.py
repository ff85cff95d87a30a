"""From a record of `S.review` to a case, and from a case to the records of its decisions."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from scenarios.contract.review.decisions import ReviewDecision
from serving.review_queue.rules import QueueRules, final_verdict
from stores.hbase.predictions import Prediction
from stores.records.erasures import ErasedEntities
from stores.records.review_cases import RULE, ReviewCase, Sent

_BY_RULE = Sent(because=(RULE,), propensity=1.0)


@dataclass(frozen=True)
class CaseRecord:
    """A record of the topic of cases; `arrived_ms`: when Kafka had it, UTC epoch ms."""

    value: bytes
    arrived_ms: int


class _Message(msgspec.Struct, frozen=True):
    sent: Sent = _BY_RULE


def case_of(record: CaseRecord, scenario: str, rules: QueueRules) -> ReviewCase | None:
    """The case in a record of the topic; None where it is none."""
    try:
        prediction = msgspec.json.decode(record.value, type=Prediction)
        sent = msgspec.json.decode(record.value, type=_Message).sent
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not prediction.prediction_id.startswith(f"{scenario}-") or not 0.0 < sent.propensity <= 1.0:
        return None
    return ReviewCase(
        scenario=scenario,
        prediction=prediction,
        sent=sent,
        arrived_ms=record.arrived_ms,
        due_ms=record.arrived_ms + round(rules.due_seconds * 1000),
        opinions_wanted=rules.opinions_wanted(prediction.prediction_id),
    )


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
                entity=prediction.entity,
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
                score=prediction.score,
                band=prediction.band,
                model_version=prediction.model.version,
                partition=prediction.source.partition,
                offset=prediction.source.offset,
            )
        )
    return decisions


def is_erased(case: ReviewCase, erased: ErasedEntities) -> bool:
    """Whether the customer was erased after the event that was scored."""
    erasure = erased.of(case.prediction.entity) if erased else None
    return erasure is not None and case.is_covered(erasure)
