"""A reviewer's decision about an event of the tiny scenario."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from scenarios.contract.review.decisions import ReviewDecision

AT = datetime(2026, 11, 28, 10, 15, tzinfo=UTC)


def review_decision(
    number: int, opinion: int = 1, *, epoch: int = 1, **changes: Any
) -> ReviewDecision:
    """About the event at offset `number` of partition 0; `changes` of its members."""
    prediction_id = f"tiny-{epoch}-0-{number}-v1"
    return replace(
        ReviewDecision(
            decision_id=f"{prediction_id}/{opinion}",
            entity=f"machine {number}",
            event_time=AT,
            prediction_id=prediction_id,
            opinion=opinion,
            is_final=True,
            verdict="confirmed",
            label=1,
            note="ü",
            reviewer="ann",
            because=("rule",),
            propensity=1.0,
            score=0.9,
            band="hot",
            model_version="1",
            partition=0,
            offset=number,
        ),
        **changes,
    )
