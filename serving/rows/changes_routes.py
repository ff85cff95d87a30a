"""Changes of a latest row over HTTP, as server-sent events."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, HTTPException, Path
from fastapi.responses import StreamingResponse

from features.events.rules import MAX_ENTITY_BYTES
from serving.access.roles import Allowed, Principal, Role
from serving.rows.changes import Change, Changes, NoPlaceLeft, Watch
from serving.rows.named import of_scenario

# Proxies and browsers give up a connection on which nothing comes for half a minute or more.
HEARTBEAT_SECONDS = 10.0
_RETRY_MS = 1_000
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
Reader = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER, Role.OPERATOR))]


def router(changes: Mapping[str, Changes]) -> APIRouter:
    """The operation; `changes` by the name of the scenario.

    It must come before `/v1/{scenario}/latest/{entity}`, which takes any rest of a path.
    """
    routes = APIRouter(tags=["latest rows"])

    async def watch_of(
        scenario: str,
        entity: Annotated[str, Path(min_length=1, max_length=MAX_ENTITY_BYTES)],
        last_event_id: Annotated[str | None, Header(max_length=200)] = None,
    ) -> AsyncIterator[Watch]:
        """A place among those who watch, until the answer has ended or the client is gone."""
        try:
            async with of_scenario(changes, scenario).watching(entity, seen=last_event_id) as watch:
                yield watch
        except NoPlaceLeft as error:
            raise HTTPException(429, str(error), headers={"Retry-After": "5"}) from None

    @routes.get(
        "/v1/{scenario}/latest/{entity:path}/changes",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def changes_of_one(
        caller: Reader, watch: Annotated[Watch, Depends(watch_of)]
    ) -> StreamingResponse:
        """The latest row now, then again within a second after each change.

        Events: `row` with the row as `/latest` answers it, `none` when there is no row, `down`
        while rows cannot be read. With `Last-Event-ID` the first one comes only if it differs. A
        client that reads slowly gets the newest row, not each in between.
        """
        return StreamingResponse(
            messages_of(watch), media_type="text/event-stream", headers=_HEADERS
        )

    return routes


async def messages_of(
    watch: Watch, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> AsyncIterator[bytes]:
    """The messages of a stream without end."""
    yield b"retry: %d\n\n" % _RETRY_MS
    while True:
        change = await watch.next(heartbeat_seconds)
        yield b": still here\n\n" if change is None else message_of(change)


def message_of(change: Change) -> bytes:
    """A change in the wire format; its data is one line of JSON."""
    kind, data = "row", b"null"
    if change.problem is not None:
        kind, data = "down", msgspec.json.encode({"detail": "rows cannot be read at present"})
    elif change.row is None:
        kind = "none"
    else:
        data = change.row.json
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), change.id.encode(), data)
