"""The Open Inference Protocol v2 over HTTP; its health paths belong to the service itself.

https://github.com/kserve/open-inference-protocol: a scenario is a model, by the same name.
"""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Response

from scenarios.contract.readable_columns import categories
from serving.access.capacity import Capacity
from serving.access.roles import ALL_ROLES, Allowed, Principal, Role
from serving.inference.cases import ENTITY, LatestOfMany, cases_of_entities, cases_of_rows
from serving.inference.open_inference import FEATURES, OUTPUTS, infer_answer, read_inference
from serving.inference.protocol_route import protocol_route
from serving.inference.tensors import BYTES, FP64
from serving.problems import Problem, unknown_scenario
from serving.scoring.routes import Body
from serving.scoring.score_now import ScoreNow
from stores.hbase.predictions import utc

_HEADER_BYTES = "Inference-Header-Content-Length"
_JSON, _RAW = "application/json", "application/octet-stream"
_SERVER = {"name": "everscore", "version": "2", "extensions": ["binary_tensor_data"]}
_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "data": {"type": "array"},
    },
}
_REQUEST = {
    "type": "object",
    "required": ["inputs"],
    "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": _TENSOR}},
}

Reader = Annotated[Principal, Depends(Allowed(*ALL_ROLES))]
Scorer = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.REVIEWER, Role.SCIENTIST))]


def _error(problem: Problem) -> dict[str, Any]:
    """Errors as the protocol has them; the rest as everywhere in this service."""
    return {"error": problem.detail, "status": problem.status, **problem.further}


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
    routes = APIRouter(tags=["open inference protocol"], route_class=protocol_route(_error))

    @routes.get("/v2")
    def server_metadata(caller: Reader) -> Response:
        """Name, version and extensions of the server."""
        return _json(_SERVER)

    @routes.get("/v2/models/{model}")
    @routes.get("/v2/models/{model}/versions/{version}")
    def model_metadata(model: str, caller: Reader, version: str | None = None) -> Response:
        """Inputs and outputs of a model, and the versions that are deployed.

        Any other registered version that is not retired answers as well.
        """
        return _json(_metadata(_scorer(scorers, model), version))

    @routes.get("/v2/models/{model}/ready")
    @routes.get("/v2/models/{model}/versions/{version}/ready")
    def model_ready(model: str, caller: Reader, version: str | None = None) -> Response:
        """Whether the model, in that version, can score now; else an error says why."""
        _scorer(scorers, model).versions.of(version)
        return _json({"name": model, "ready": True})

    request_body = {"required": True, "content": {_JSON: {"schema": _REQUEST}, _RAW: {}}}

    @routes.post(
        "/v2/models/{model}/infer",
        dependencies=[Depends(capacity)],
        openapi_extra={"requestBody": request_body},
    )
    @routes.post(
        "/v2/models/{model}/versions/{version}/infer",
        dependencies=[Depends(capacity)],
        openapi_extra={"requestBody": request_body},
    )
    def infer(
        model: str,
        body: Body,
        caller: Scorer,
        version: str | None = None,
        header_bytes: Annotated[int | None, Header(alias=_HEADER_BYTES)] = None,
    ) -> Response:
        """Scores of feature rows, computed now, or of entities, as their latest rows have them.

        Inputs are a tensor [n] per feature, one tensor `features` [n, k] in the scenario's order,
        or `entity` (BYTES). Of one latest row, `id` is its prediction id.
        """
        scorer, at_ms = _scorer(scorers, model), now_ms()
        inference = read_inference(body, header_bytes, scorer.rows)
        if inference.entities is None:
            cases = cases_of_rows(scorer, inference.names, inference.matrix, at_ms, version=version)
        else:
            rows = latest[model]
            cases = cases_of_entities(rows, inference.entities, utc(at_ms), version=version)
        answer = infer_answer(inference.request, cases, model=model)
        if answer.header_bytes is None:
            return Response(answer.body, media_type=_JSON)
        headers = {_HEADER_BYTES: str(answer.header_bytes)}
        return Response(answer.body, media_type=_RAW, headers=headers)

    return routes


def _scorer(scorers: Mapping[str, ScoreNow], model: str) -> ScoreNow:
    if model not in scorers:
        raise unknown_scenario(model, scorers)
    return scorers[model]


def _metadata(scorer: ScoreNow, version: str | None) -> dict[str, Any]:
    use = scorer.versions.current()
    chosen = scorer.versions.of(version)
    deployed = [use.champion, use.challenger, use.shadow]
    versions = [model.version for model in deployed if model is not None]
    named = categories(scorer.scenario)
    inputs = [
        {"name": name, "datatype": BYTES if name in named else FP64, "shape": [-1]}
        for name in chosen.model.card.feature_names
    ]
    width = len(scorer.scenario.feature_names)
    inputs += [
        {"name": FEATURES, "datatype": FP64, "shape": [-1, width]},
        {"name": ENTITY, "datatype": BYTES, "shape": [-1]},
    ]
    outputs = [
        {"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in OUTPUTS.items()
    ]
    return {
        "name": scorer.scenario.name,
        "versions": versions if version is None else [chosen.model.version],
        "platform": f"everscore_{chosen.model.card.format}",
        "inputs": inputs,
        "outputs": outputs,
    }


def _json(document: object) -> Response:
    return Response(msgspec.json.encode(document), media_type=_JSON)
