"""MLflow's scoring protocol: `/invocations`, and the path that `mlflow.deployments` calls.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ describes the four forms.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response

from serving.access.capacity import Capacity
from serving.access.roles import Allowed, Principal, Role
from serving.inference.cases import ENTITY, Case, LatestOfMany, cases_of_entities, cases_of_rows
from serving.inference.mlflow_frames import FORMS, Frame, read_frame
from serving.inference.protocol_route import lenient_json, protocol_route
from serving.problems import Problem, Refusal, unknown_scenario
from serving.scoring.errors import FeaturesRefused
from serving.scoring.routes import Body
from serving.scoring.score_now import ScoreNow
from stores.hbase.predictions import utc

_REQUEST = {"oneOf": [{"type": "object", "required": [form]} for form in FORMS]}
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}

Scorer = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER, Role.SCIENTIST))]


def _error(problem: Problem) -> dict[str, Any]:
    code = _CODES.get(problem.status, "INTERNAL_ERROR" if problem.status >= 500 else "BAD_REQUEST")
    return {"error_code": code, "message": problem.detail, **problem.further}


def router(
    scorers: Mapping[str, ScoreNow],
    latest: Mapping[str, LatestOfMany],
    capacity: Capacity,
    *,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> APIRouter:
    """The operations; `scorers` and `latest` by the name of the scenario.

    capacity: of requests that score at once
    """
    routes = APIRouter(tags=["MLflow"], route_class=protocol_route(_error))
    request_body = {"required": True, "content": {"application/json": {"schema": _REQUEST}}}

    @routes.post(
        "/invocations",
        dependencies=[Depends(capacity)],
        openapi_extra={"requestBody": request_body},
    )
    @routes.post(
        "/endpoints/{scenario}/invocations",
        dependencies=[Depends(capacity)],
        openapi_extra={"requestBody": request_body},
    )
    def invocations(body: Body, caller: Scorer, scenario: str | None = None) -> Response:
        """Predictions for rows of features, computed now, or of a column `entity`: latest rows.

        `params` may name the scenario, where several are served, and the model's version.
        """
        frame, at_ms = read_frame(lenient_json(body)), now_ms()
        name = _scenario(scenario or _param(frame, "scenario"), scorers)
        version = _param(frame, "version")
        if frame.columns == [ENTITY]:
            entities = _entities(frame)
            cases = cases_of_entities(latest[name], entities, utc(at_ms), version=version)
        else:
            scorer = scorers[name]
            columns = _columns(frame, scorer, version)
            matrix = scorer.rows.matrix(columns, frame.rows)
            cases = cases_of_rows(scorer, columns, matrix, at_ms, version=version)
        return _predictions(cases)

    return routes


def _scenario(name: str | None, scorers: Mapping[str, ScoreNow]) -> str:
    if name is None:
        if len(scorers) == 1:
            return next(iter(scorers))
        detail = f'several are served: name one in "params": {{"scenario": one of {list(scorers)}}}'
        raise Refusal(Problem(status=400, kind="scenario", detail=detail))
    if name not in scorers:
        raise unknown_scenario(name, scorers)
    return name


def _param(frame: Frame, name: str) -> str | None:
    value = frame.params.get(name)
    if value is not None and not isinstance(value, str):
        raise FeaturesRefused(f"params.{name} is {str(value)[:60]!r}: expected a string")
    return value


def _entities(frame: Frame) -> list[str]:
    entities: list[Any] = [row[0] if len(row) == 1 else None for row in frame.rows]
    if not all(isinstance(entity, str) for entity in entities):
        raise FeaturesRefused(f"the column {ENTITY!r} holds strings")
    return entities


def _columns(frame: Frame, scorer: ScoreNow, version: str | None) -> Sequence[str]:
    """The names of the frame's columns; without any, in the order of scenario or model."""
    if frame.columns is not None:
        return frame.columns
    width = len(frame.rows[0]) if frame.rows else 0
    model_names = scorer.versions.of(version).model.card.feature_names
    for names in (scorer.scenario.feature_names, model_names):
        if len(names) == width:
            return names
    raise FeaturesRefused(
        f"rows have {width} values, the model has {len(model_names)} features: {model_names}"
    )


def _predictions(cases: Sequence[Case]) -> Response:
    body = msgspec.json.encode({"predictions": cases})
    return Response(body, media_type="application/json")
