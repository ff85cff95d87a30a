"""The history of an entity over HTTP."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response, params

from features.events.rules import MAX_ENTITY_BYTES
from serving.access.roles import Allowed, Principal, Role
from serving.rows.cursors import CursorRefused
from serving.rows.history import (
    KINDS,
    MOST_DAYS,
    CursorOfAnother,
    EntityHistory,
    Entry,
    HistoryUnavailable,
)
from serving.rows.named import of_scenario
from stores.delta.live_files import TableUnreadable

MOST_ENTRIES = 200
_log = logging.getLogger(__name__)


class Kind(StrEnum):
    """What happened to an entity: one of `KINDS`."""

    EVENTS = "events"
    PREDICTIONS = "predictions"
    OUTCOMES = "outcomes"


Reader = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER, Role.AUDITOR))]


def router(
    histories: Mapping[str, EntityHistory], *, limits: Sequence[params.Depends] = ()
) -> APIRouter:
    """The operation; `histories` by the name of the scenario.

    limits: dependencies that bound how many readings of the archive run at once.
    """
    routes = APIRouter(tags=["history"], dependencies=list(limits))

    @routes.get("/v1/{scenario}/history/{entity:path}")
    def history_of_one(
        scenario: str,
        entity: Annotated[str, Path(min_length=1, max_length=MAX_ENTITY_BYTES)],
        caller: Reader,
        kind: Annotated[list[Kind] | None, Query()] = None,
        days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 50,
        cursor: Annotated[str | None, Query(max_length=8_192)] = None,
    ) -> Response:
        """Events, predictions and outcomes of an entity in the archive, newest first.

        Go on with the answer's `cursor` until it is null. `archive` says how far each table
        reaches: what Kafka has had since then is not archived yet.
        """
        history = of_scenario(histories, scenario)
        kinds = [str(name) for name in dict.fromkeys(kind)] if kind else KINDS
        try:
            page = history.page(
                entity, datetime.now(UTC), kinds=kinds, days=days, limit=limit, cursor=cursor
            )
        except (CursorRefused, CursorOfAnother) as error:
            raise HTTPException(422, str(error)) from None
        except HistoryUnavailable as error:
            raise HTTPException(503, str(error), headers={"Retry-After": "10"}) from None
        except TableUnreadable as error:
            detail = "the archive's tables can be read by Spark only; see the service's log"
            _log.warning("%s", error)
            raise HTTPException(503, detail) from None
        body = {
            "entity": entity,
            "entries": [as_document(entry) for entry in page.entries],
            "cursor": page.cursor,
            "archive": page.reaches,
        }
        return Response(
            msgspec.json.encode(body),
            media_type="application/json",
            headers={"Cache-Control": "private, no-store"},
        )

    return routes


def as_document(entry: Entry) -> dict[str, Any]:
    """An entry as JSON; a value that is no JSON document is its text, as `text`."""
    moment = datetime.fromtimestamp(entry.at_ms / 1000, UTC)
    facts: dict[str, Any] = {
        "kind": entry.kind,
        "at": moment.isoformat(timespec="milliseconds"),
        "source": {
            "topic": entry.topic,
            "epoch": entry.epoch,
            "partition": entry.partition,
            "offset": entry.offset,
        },
    }
    try:
        facts["document"] = msgspec.json.decode(entry.document)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        facts["text"] = entry.document[:1_000].decode(errors="replace")
    return facts
