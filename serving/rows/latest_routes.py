"""Latest rows over HTTP: of one entity, of many, and all of a band page by page."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

from features.events.rules import MAX_ENTITY_BYTES
from scenarios.contract.policy import PolicyError
from scenarios.contract.scenario import Scenario
from serving.access.roles import Allowed, Principal, Role
from serving.rows.cursors import CursorRefused
from serving.rows.latest import LatestRows
from serving.rows.named import of_scenario
from serving.rows.view import RowView

MOST_ENTITIES = 500
MOST_PAGE_ROWS = 500
# A page of a rare band reads so many rows at most: below a second, whatever the band.
_MOST_READ = 5_000
_JSON = "application/json"
# The row of a person: no cache between us and the caller stores it, the caller asks each time.
_CACHING = "private, no-cache"

Entity = Annotated[str, Path(min_length=1, max_length=MAX_ENTITY_BYTES)]
Reader = Annotated[
    Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER, Role.OPERATOR, Role.AUDITOR))
]
Lister = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.OPERATOR))]


class WantedRows(BaseModel, extra="forbid"):
    """Whose latest rows are wanted."""

    entities: list[Annotated[str, Field(min_length=1, max_length=MAX_ENTITY_BYTES)]] = Field(
        min_length=1, max_length=MOST_ENTITIES
    )


def router(latest: Mapping[str, LatestRows], scenarios: Mapping[str, Scenario]) -> APIRouter:
    """The operations; `latest` and `scenarios` by the name of the scenario."""
    routes = APIRouter(tags=["latest rows"])

    @routes.get("/v1/{scenario}/latest")
    def rows_of_band(
        scenario: str,
        caller: Lister,
        band: Annotated[str | None, Query(max_length=100)] = None,
        cursor: Annotated[str | None, Query(max_length=8_192)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_PAGE_ROWS)] = 100,
    ) -> Response:
        """A page of the rows of a band, or of all, in the order of their keys.

        Go on with the answer's `cursor` until it is null. A page may have fewer rows than `limit`,
        even none, and a cursor. A row that is there all the time appears exactly once.
        """
        rows = of_scenario(latest, scenario)
        try:
            scenarios[scenario].policy.check_band(band)
            page = rows.page(
                datetime.now(UTC), band=band, cursor=cursor, limit=limit, most_read=_MOST_READ
            )
        except (PolicyError, CursorRefused) as error:
            raise HTTPException(422, str(error)) from None
        following = b"null" if page.cursor is None else b'"%s"' % page.cursor.encode()
        body = b'{"rows":[%s],"cursor":%s}' % (_joined(page.rows), following)
        return Response(body, media_type=_JSON, headers={"Cache-Control": _CACHING})

    @routes.post("/v1/{scenario}/latest")
    def rows_of_many(scenario: str, wanted: WantedRows, caller: Reader) -> Response:
        """The rows of up to 500 entities; `missing` names those that have none."""
        rows = of_scenario(latest, scenario).many(wanted.entities, datetime.now(UTC))
        missing = [entity for entity in dict.fromkeys(wanted.entities) if entity not in rows]
        names = msgspec.json.encode(missing)
        body = b'{"rows":[%s],"missing":%s}' % (_joined(rows.values()), names)
        return Response(body, media_type=_JSON, headers={"Cache-Control": _CACHING})

    @routes.get("/v1/{scenario}/latest/{entity:path}")
    def row_of_one(
        scenario: str,
        entity: Entity,
        caller: Reader,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The entity's latest row with its age; 304 when the caller's copy is still the row."""
        row = of_scenario(latest, scenario).one(entity, datetime.now(UTC))
        if row is None:
            raise HTTPException(404, "there is no prediction for this entity yet")
        headers = {"ETag": row.etag, "Cache-Control": _CACHING}
        if if_none_match is not None and is_match(if_none_match, row):
            return Response(status_code=304, headers=headers)
        return Response(row.json, media_type=_JSON, headers=headers)

    return routes


def is_match(if_none_match: str, row: RowView) -> bool:
    """Whether `If-None-Match` names the row's tag, compared weakly (RFC 9110, 13.1.2)."""
    tags = [tag.strip() for tag in if_none_match.split(",")]
    return "*" in tags or f'"{row.change_id}"' in (tag.removeprefix("W/") for tag in tags)


def _joined(rows: Iterable[RowView]) -> bytes:
    return b",".join(row.json for row in rows)
