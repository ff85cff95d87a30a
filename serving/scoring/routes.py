"""Score now over HTTP: what-ifs, feature rows, and events that count."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from features.schema import Attachment, Category, EventSchema
from serving.access.capacity import Capacity
from serving.access.roles import Allowed, Principal, Role
from serving.problems import Problem, Refusal, unknown_scenario
from serving.scoring.event_posting import EventPosting, Posted, Progress
from serving.scoring.refusing import refusing
from serving.scoring.score_now import ScoreNow
from serving.scoring.verdicts import Judged
from stores.hbase.predictions import utc

Part = TypeVar("Part")

MOST_EVENTS = 100
MOST_ROWS = 10_000
MOST_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "content": {"application/problem+json": {}}}
    for code, text in (
        (400, "The body is no JSON, or not of the documented shape."),
        (401, "No valid key, token or session."),
        (403, "The caller has none of the roles."),
        (404, "There is no such scenario, version or entity."),
        (409, "Refused; the sentence says why and what to do."),
        (410, "The version is retired."),
        (422, "Refused for the rule that the answer names."),
        (429, "Too many requests are under way."),
        (503, "HBase, Kafka or a model is away."),
    )
}

Scorer = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER, Role.SCIENTIST))]
Poster = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.OPERATOR))]


class WhatIfRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Events that might come to `entity`, in their order; none: its state as it is."""

    entity: Annotated[str, msgspec.Meta(min_length=1)]
    events: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MOST_EVENTS)] = []


class FeatureRowsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Feature rows: `columns` names the features, each row has a value or null for each."""

    columns: Annotated[list[str], msgspec.Meta(min_length=1)]
    rows: Annotated[list[list[float | str | None]], msgspec.Meta(max_length=MOST_ROWS)]
    version: str | None = None


class EventAnswer(msgspec.Struct, kw_only=True):
    """Where a posted event lies, and how far the stream is with it.

    state   "waiting": not scored yet; "scored": `row` shows it or a later one; "no verdict": it is
            in the entity's state, but was suppressed or could not be judged
    """

    entity: str
    topic: str
    partition: int
    offset: int
    epoch: int | None
    state: str
    says: str
    row: msgspec.Raw | None = None


async def body_bytes(request: Request) -> bytes:
    """The body as it was sent: the decoder judges the caller's own bytes."""
    return await request.body()


Body = Annotated[bytes, Depends(body_bytes)]


def router(
    scorers: Mapping[str, ScoreNow],
    postings: Mapping[str, EventPosting],
    *,
    scoring: Capacity,
    posting: Capacity,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> APIRouter:
    """The operations; `scorers` and `postings` by the name of the scenario.

    scoring, posting: bounds of requests at once; one that posts may wait for the stream
    """
    routes = APIRouter(tags=["score now"], responses=dict(_PROBLEMS))
    event_schema = event_shape(scorers)

    @routes.post(
        "/v1/{scenario}/what-if",
        dependencies=[Depends(scoring)],
        openapi_extra=_body(
            {
                "type": "object",
                "required": ["entity"],
                "additionalProperties": False,
                "properties": {
                    "entity": {"type": "string", "minLength": 1},
                    "events": {"type": "array", "items": event_schema, "maxItems": MOST_EVENTS},
                },
            }
        ),
    )
    def what_if(scenario: str, body: Body, caller: Scorer) -> Response:
        """What the stream would say if these events arrived now; nothing is stored or published.

        The events are folded, in their order, onto the state that the store has now. An event
        without entity is about the request's, one without time happens now. The answer has a
        verdict per event, and names those that would have none.
        """
        scorer = _part(scorers, scenario)
        wanted = decoded_body(body, WhatIfRequest)
        events = [bytes(raw) for raw in wanted.events]
        with refusing():
            judged = scorer.judged(wanted.entity, events, now_ms())
        return _judged_answer(judged, entity=wanted.entity)

    @routes.post(
        "/v1/{scenario}/verdicts",
        dependencies=[Depends(scoring)],
        openapi_extra=_body(
            {
                "type": "object",
                "required": ["columns", "rows"],
                "additionalProperties": False,
                "properties": {
                    "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                    "rows": {
                        "type": "array",
                        "maxItems": MOST_ROWS,
                        "items": {
                            "type": "array",
                            "items": {"type": ["number", "string", "null"]},
                        },
                    },
                    "version": {"type": ["string", "null"]},
                },
            }
        ),
    )
    def verdicts(scenario: str, body: Body, caller: Scorer) -> Response:
        """Verdicts on feature rows by the champion, or the version that the request names.

        The rows belong to no entity: none is in the control group. Categories are given by name or
        code, missing values as null.
        """
        scorer = _part(scorers, scenario)
        wanted = decoded_body(body, FeatureRowsRequest)
        with refusing():
            matrix = scorer.rows.matrix(wanted.columns, wanted.rows)
            judged = scorer.of_features(wanted.columns, matrix, now_ms(), version=wanted.version)
        return _judged_answer(judged)

    @routes.post(
        "/v1/{scenario}/events",
        status_code=202,
        dependencies=[Depends(posting)],
        openapi_extra=_body(event_schema),
        responses={200: {"description": "The stream is past the event."}},
    )
    async def post_event(
        scenario: str,
        body: Body,
        caller: Poster,
        wait_seconds: Annotated[float, Query(ge=0, le=MOST_WAIT_SECONDS)] = 0.0,
    ) -> Response:
        """Publish one event that counts; the body is its Kafka record's value.

        It is checked as producers' events are and published in its key's home partition. Posted
        twice it counts twice. 202: it waits for the stream; 200: the stream was past it within
        `wait_seconds`, and `row` is the entity's latest row where that shows it.
        """
        poster = _part(postings, scenario)
        with refusing():
            posted = await run_in_threadpool(poster.post, body, now_ms())
        deadline = time.monotonic() + wait_seconds
        progress = Progress(is_past=False)
        while wait_seconds and not progress.is_past and time.monotonic() < deadline:
            progress = await run_in_threadpool(poster.progress, posted, utc(now_ms()))
            if not progress.is_past:
                await asyncio.sleep(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0.0)))
        answer = _event_answer(posted, progress, waited=wait_seconds)
        return _json(answer, status=200 if progress.is_past else 202)

    return routes


def decoded_body(body: bytes, kind: type[Part]) -> Part:
    """The request in `body`; raises `Refusal` 400 for what is no JSON of that shape."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        problem = Problem(status=400, kind="body", detail=f"the body is not as documented: {error}")
        raise Refusal(problem) from None


def event_shape(scorers: Mapping[str, ScoreNow]) -> dict[str, Any]:
    """JSON schema of an event of any of the scenarios, for the OpenAPI document."""
    kinds = [kind for scorer in scorers.values() for kind in _kinds(scorer)]
    return {"oneOf": kinds} if kinds else {"type": "object"}


def _kinds(scorer: ScoreNow) -> Sequence[dict[str, Any]]:
    schema: EventSchema = scorer.scenario.schema
    kinds = []
    for event_type in schema.types:
        properties: dict[str, Any] = {
            "type": {"const": event_type.name},
            schema.entity_field: {"type": "string"},
            "event_time": {"type": "string", "format": "date-time"},
        }
        for field in event_type.fields:
            if isinstance(field, Category):
                properties[field.name] = {"enum": list(field.values)}
            elif isinstance(field, Attachment):
                properties[field.name] = {"type": "string", "description": field.expectation}
            else:
                limits = {"minimum": field.lowest, "maximum": field.highest}
                properties[field.name] = {
                    "type": "integer" if field.integer else "number",
                    **{name: limit for name, limit in limits.items() if math.isfinite(limit)},
                }
        required = ["type", *(field.name for field in event_type.fields if field.required)]
        title = f"{scorer.scenario.name}: {event_type.meaning}"
        kinds.append(
            {"type": "object", "title": title, "properties": properties, "required": required}
        )
    return kinds


def _part(parts: Mapping[str, Part], scenario: str) -> Part:
    if scenario not in parts:
        raise unknown_scenario(scenario, parts)
    return parts[scenario]


def _judged_answer(judged: Judged, **members: str) -> Response:
    return _json(
        {
            "what_if": True,
            **members,
            "verdicts": judged.verdicts,
            "without_verdict": judged.unjudged,
        }
    )


def _event_answer(posted: Posted, progress: Progress, *, waited: float) -> EventAnswer:
    place = f"{posted.topic}-{posted.partition} at offset {posted.offset}"
    if progress.row is not None:
        state, says = "scored", f"the stream has scored {place}"
    elif progress.is_past:
        state = "no verdict"
        says = f"the stream is past {place}: the event was suppressed or is a dead letter"
    else:
        state = "waiting"
        says = f"{place} waits for the stream"
        if waited:
            says += f"; it was not scored within {waited:g} s: is score_stream running?"
    return EventAnswer(
        entity=posted.entity,
        topic=posted.topic,
        partition=posted.partition,
        offset=posted.offset,
        epoch=posted.epoch,
        state=state,
        says=says,
        row=None if progress.row is None else msgspec.Raw(progress.row.json),
    )


def _json(answer: object, *, status: int = 200) -> Response:
    body = msgspec.json.encode(answer)
    return Response(body, status_code=status, media_type="application/json")


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}
