"""What a caller sees of a case: only the one who reviews it sees it whole, and opinions stay blind.

The opinions of a case are shown to those who have given theirs, and to everybody once it is
decided.
"""

from typing import Any

import msgspec

from serving.access.roles import Principal, Role
from serving.review_queue.rules import QueueRules, final_verdict, has_opinion
from stores.hbase.predictions import utc
from stores.records.review_cases import ReviewCase

DECIDED, CLAIMED, SNOOZED, OPEN = "decided", "claimed", "snoozed", "open"


def state_of(case: ReviewCase, now_ms: int) -> str:
    """One of `DECIDED`, `CLAIMED`, `SNOOZED`, `OPEN`."""
    if case.is_decided:
        return DECIDED
    if case.claimed_by(now_ms):
        return CLAIMED
    return SNOOZED if case.snoozed_until_ms > now_ms else OPEN


def summary(case: ReviewCase, rules: QueueRules, now_ms: int) -> dict[str, Any]:
    """One line of the queue: what it is about and who has it, not who the customer is."""
    return {
        "id": case.id,
        "state": state_of(case, now_ms),
        "band": "" if case.prediction is None else case.prediction.band,
        "because": list(case.sent.because),
        "due_at": utc(case.due_ms).isoformat(),
        "due_seconds": (case.due_ms - now_ms) / 1000,
        "waiting_seconds": max(now_ms - case.arrived_ms, 0) / 1000,
        "cost_per_hour": rules.costs.expected_per_hour(case, now_ms),
        "claimed_by": case.claimed_by(now_ms),
        "assignee": case.assignee,
        "opinions_given": len(case.opinions),
        "opinions_wanted": case.opinions_wanted,
        "reason_code": "" if case.refused is None else case.refused.reason_code,
    }


def sees_whole(case: ReviewCase, caller: Principal, now_ms: int) -> bool:
    """Whether `caller` holds it, has given an opinion on it, or may read all there is.

    Everybody who reviews may, once it is decided.
    """
    return (
        case.claimed_by(now_ms) == caller.name
        or has_opinion(case, caller.name)
        or case.is_decided
        or Role.AUDITOR in caller.roles
    )


def view(case: ReviewCase, caller: Principal, rules: QueueRules, now_ms: int) -> dict[str, Any]:
    """The case as `caller` may see it: a summary, or with everything there is to decide it."""
    document = summary(case, rules, now_ms)
    holds_it = case.claimed_by(now_ms) == caller.name
    if sees_whole(case, caller, now_ms):
        document["entity"] = case.entity
        document["attachments"] = sorted(case.attachments)
        document["verdicts"] = rules.verdicts_of(case)
        if case.refused is not None:
            document["reason"] = case.refused.reason
        if case.prediction is not None:
            prediction = msgspec.to_builtins(case.prediction)
            names = ("score", "action", "control_group", "reasons", "model", "event_time")
            document |= {name: prediction[name] for name in (*names, "scored_at", "valid_until")}
            document["second_stage"] = prediction.get("second_stage")
        document["propensity"] = case.sent.propensity
        document["other"] = msgspec.to_builtins(case.sent.other)
    if holds_it and case.claim is not None:
        document["token"] = case.claim.token
        document["seconds_left"] = (case.claim.until_ms - now_ms) / 1000
    if case.is_decided or has_opinion(case, caller.name):
        document["opinions"] = [
            {
                "reviewer": opinion.reviewer,
                "verdict": opinion.verdict,
                "note": opinion.note,
                "at": utc(opinion.at_ms).isoformat(),
            }
            for opinion in case.opinions
        ]
    if case.is_decided:
        document["verdict"] = final_verdict(case.opinions)
    return document
