"""Outcomes over HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, Field

from batch.publishing.outcome_posting import OutcomesRefused
from scenarios.contract.records.outcomes import MAX_TEXT_BYTES
from serving.access.roles import Allowed, Principal, Role
from serving.records.outcomes import OutcomePosting
from serving.rows.named import of_scenario

Agent = Annotated[Principal, Depends(Allowed(Role.AGENT))]
Text = Annotated[str, Field(max_length=MAX_TEXT_BYTES)]


class Outcome(BaseModel, extra="forbid"):
    """What was done about a prediction, and what the customer answered."""

    prediction_id: Text
    entity: Text
    status: Annotated[Text, Field(description="shown, accepted or refused")]
    reason: Annotated[Text | None, Field(description="why it was refused")] = None
    offer: Text | None = None
    cost: Annotated[float | None, Field(description="in the scenario's currency")] = None
    agent: Annotated[Text | None, Field(description="who did it; default: the caller")] = None
    event_time: Annotated[Text | None, Field(description="ISO 8601; default: now")] = None


class OutcomePlace(BaseModel):
    """Where the outcome lies on Kafka."""

    topic: str
    partition: int
    offset: int


def router(postings: Mapping[str, OutcomePosting]) -> APIRouter:
    """The operation; `postings` by the name of the scenario."""
    routes = APIRouter(tags=["outcomes"])

    @routes.post("/v1/{scenario}/outcomes", status_code=201)
    def post_outcome(
        scenario: str, outcome: Outcome, caller: Agent, response: Response
    ) -> OutcomePlace:
        """Record an outcome; it is on all in-sync replicas of Kafka when this answers.

        A repeated call records a second one, which monitoring counts as a duplicate.
        """
        posting = of_scenario(postings, scenario)
        document: dict[str, Any] = outcome.model_dump(exclude_none=True)
        document.setdefault("agent", caller.name)
        try:
            posted = posting.post(document, datetime.now(UTC))
        except OutcomesRefused as error:
            raise HTTPException(422, str(error)) from None
        response.headers["Cache-Control"] = "no-store"
        return OutcomePlace(topic=posted.topic, partition=posted.partition, offset=posted.offset)

    return routes
