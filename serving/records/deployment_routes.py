"""Deployments over HTTP: who changed which version when and why, and what scored at a time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Response

from lifecycle.history import NotInHistory, entries, is_complete, scored_at
from serving.access.roles import Allowed, Principal, Role
from serving.rows.named import of_scenario
from stores.records.deployments import Deployment

Reader = Annotated[
    Principal, Depends(Allowed(Role.SCIENTIST, Role.OPERATOR, Role.AUDITOR, Role.REVIEWER))
]
# Scenario's changes, oldest first; raises StoreDown or TableMissing.
ReadDeployments = Callable[[], Sequence[Deployment]]


def router(deployments: Mapping[str, ReadDeployments]) -> APIRouter:
    """The operation; `deployments` by the name of the scenario."""
    routes = APIRouter(tags=["deployments"])

    @routes.get("/v1/{scenario}/deployments")
    def deployments_of_scenario(
        scenario: str,
        caller: Reader,
        at: Annotated[
            datetime | None, Query(description="Name the version that scored then, ISO 8601.")
        ] = None,
    ) -> Response:
        """All changes, newest first; with `at` the version that scored then as well.

        `complete` is false after the control table was lost: then only the archive has all
        changes, and `./spark-submit.sh deployment_history --archive` shows them.
        """
        changes = of_scenario(deployments, scenario)()
        body: dict[str, Any] = {
            "deployments": list(reversed(entries(changes))),
            "complete": is_complete(changes),
        }
        if at is not None:
            moment = at if at.tzinfo else at.replace(tzinfo=UTC)
            try:
                scored = scored_at(changes, moment)
            except NotInHistory as error:
                raise HTTPException(404, str(error)) from None
            body["scored_at"] = scored
        return Response(msgspec.json.encode(body), media_type="application/json")

    return routes
