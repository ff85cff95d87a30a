"""The web application: what every request passes, and which operations there are."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.middleware import Middleware

from serving import health
from serving.access.bodies import BodyGuard
from serving.access.frame import Frame
from serving.access.metrics import RequestMetrics
from serving.access.roles import Role, roles_of
from serving.health import Readiness, health_router
from serving.pages import desk, login, static_files
from serving.pages.desk import desk_router, page_view
from serving.pages.login import login_router
from serving.pages.static_files import StaticFiles, static_router
from serving.parts import Serving
from serving.problems import add_problem_handlers

TITLE = "Everscore"
# What needs no key; every other operation has an `Allowed`.
OPEN_ROUTES = health.OPEN_ROUTES | login.OPEN_ROUTES | static_files.OPEN_ROUTES | desk.OPEN_ROUTES


class OperationOpen(RuntimeError):
    """An operation without `Allowed`; the message names it."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path; `roles` are None for what needs no key."""

    method: str
    path: str
    roles: Collection[Role] | None

    @property
    def name(self) -> str:
        """Such as `GET /v1/{scenario}/latest/{entity}`."""
        return f"{self.method} {self.path}"


def create_app(serving: Serving) -> FastAPI:
    """The application of `serving`; raises `OperationOpen` when an operation asks for no role."""
    metrics = RequestMetrics()
    app = FastAPI(
        title=TITLE,
        description="Scores of customers: latest rows, scoring, history, review, health.",
        # Their pages load scripts from other hosts; the document itself is an operation with a key.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        middleware=[
            Middleware(Frame, metrics=metrics, access_log=serving.access_log, page_view=page_view),
            Middleware(BodyGuard, limits=serving.limits),
        ],
    )
    add_problem_handlers(app, page_view=page_view)
    files = StaticFiles.of(serving.scripts)
    state = {
        **serving.state,
        "authenticate": serving.authenticate,
        "metrics": metrics,
        "scenarios": serving.scenarios,
        "entries": serving.entries,
        "static_files": files,
    }
    for name, value in state.items():
        setattr(app.state, name, value)
    routers = (
        health_router(Readiness(serving.checks), further_metrics=serving.metrics),
        static_router(files),
        login_router(serving.login),
        desk_router(serving.entries),
        *serving.routers,
    )
    for router in routers:
        app.include_router(router)
    _refuse_open_operations(app)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def operations(app: FastAPI) -> Iterator[Operation]:
    """All operations, in the order in which they were added."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            for method in sorted(context.methods or ()):
                yield Operation(
                    method=method, path=context.path_format or "", roles=roles_of(context)
                )


def _refuse_open_operations(app: FastAPI) -> None:
    open_names = [
        operation.name
        for operation in operations(app)
        if operation.roles is None and operation.path not in OPEN_ROUTES
    ]
    others = [
        str(context.path)
        for context in iter_route_contexts(app.routes)
        if not isinstance(context.original_route, APIRoute)
    ]
    if open_names or others:
        raise OperationOpen(
            f"these operations ask for no role, so anybody could call them: "
            f"{', '.join(open_names + others)}. Give each a parameter "
            "`caller: Annotated[Principal, Depends(Allowed(Role.…))]`; mounts are not allowed"
        )


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document with the roles of each operation in `x-roles`."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["key"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, or a token of the OIDC provider.",
        }
        for operation in operations(app):
            entry = document["paths"].get(operation.path, {}).get(operation.method.lower())
            if entry is None:
                continue
            entry["x-roles"] = sorted(operation.roles or ())
            entry["security"] = [{"key": []}] if operation.roles is not None else []
            for status, meaning in _STATUSES.items():
                if operation.roles is not None or status not in _OF_CALLERS:
                    entry["responses"].setdefault(status, {"description": meaning})
        app.openapi_schema = document
    return app.openapi_schema


_OF_CALLERS = ("401", "403")
_STATUSES = {
    "400": "the body is no JSON, or nested too deeply",
    "401": "no valid key, token or session",
    "403": "the caller lacks the role",
    "404": "no such scenario or thing",
    "408": "the body did not arrive in time",
    "413": "the body is too large",
    "422": "the request is not valid",
    "429": "busy; see Retry-After",
    "503": "a service that is needed does not answer; see Retry-After",
}
