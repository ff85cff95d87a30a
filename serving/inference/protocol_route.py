"""Routes whose errors look as the protocol's own clients expect them."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from serving.problems import Problem, Refusal, problem_of
from serving.scoring.refusing import refusing

ErrorDocument = Callable[[Problem], dict[str, Any]]
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def protocol_route(document: ErrorDocument) -> type[APIRoute]:
    """A class of routes that answer errors by `document`, with the problem's own status."""

    class ProtocolRoute(APIRoute):
        """Answers every error in the shape of one protocol."""

        def get_route_handler(self) -> _Handler:
            """The handler of the route."""
            handler = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    with refusing():
                        return await handler(request)
                except Exception as error:
                    problem = problem_of(error)
                    body = json.dumps(document(problem)).encode()
                    return Response(
                        body,
                        status_code=problem.status,
                        headers=dict(problem.headers),
                        media_type="application/json",
                    )

            return answered

    return ProtocolRoute


def lenient_json(body: bytes) -> Any:
    """The document in `body`; raises `Refusal` 400.

    NaN is read as such: clients of both protocols write it for a missing value.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(
            Problem(status=400, kind="body", detail=f"the body is no JSON: {error}")
        ) from None
