"""The operations of attachments: `/v1/{scenario}/attachments…` and those of review cases."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from serving.access.bodies import body_of
from serving.access.capacity import Capacity
from serving.access.roles import Allowed, Principal, Role
from serving.attachments.desk import AttachmentDesk, ContentRefused, NoSuchField, reference_in
from serving.attachments.overlays import OverlayUnavailable
from serving.problems import Problem, Refusal, unknown_scenario
from serving.review_queue.errors import NoSuchCase
from serving.review_queue.routes import Queues, queue_of
from serving.review_queue.views import sees_whole
from stores.records.review_cases import ReviewCase

_MOST_TEXT = 200
_IMMUTABLE = "private, max-age=31536000, immutable"
# What is shown of a case may be seen only while its claim lasts.
_NOT_STORED = "private, no-store"

Scenario = Annotated[str, Path(max_length=_MOST_TEXT)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the content.")]
CaseId = Annotated[str, Path(max_length=_MOST_TEXT)]
FieldPath = Annotated[str, Path(max_length=_MOST_TEXT, description="The attachment's field.")]
# Who may read an entity's history.
Viewer = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.AUDITOR, Role.REVIEWER))]
Reviewer = Annotated[Principal, Depends(Allowed(Role.AUDITOR, Role.REVIEWER))]
# Who may post events.
Poster = Annotated[Principal, Depends(Allowed(Role.AGENT, Role.OPERATOR))]

_FILE = {
    "requestBody": {
        "required": True,
        "description": "The file; Content-Type is its media type.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def router(desks: Mapping[str, AttachmentDesk], queues: Queues, reading: Capacity) -> APIRouter:
    """The operations over `desks`, by the name of each scenario whose events have attachments.

    reading: how many files are read, and overlays made, at once
    """
    routes = APIRouter(tags=["attachments"])

    @routes.get("/v1/{scenario}/attachments/{digest}", response_class=Response)
    def content(
        scenario: Scenario,
        digest: Digest,
        _: Viewer,
        if_none_match: Annotated[str, Header(max_length=_MOST_TEXT)] = "",
    ) -> Response:
        """What is stored under the digest, if an event of the scenario refers to it."""
        desk = _desk(desks, queues, scenario)
        stored = desk.content(digest)
        if stored is None:
            raise _missing(f"no event of {scenario} refers to a stored content {digest}")
        headers = {"ETag": f'"{digest}"', "Cache-Control": _IMMUTABLE}
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(stored, media_type=desk.media_type(), headers=headers)

    @routes.post(
        "/v1/{scenario}/attachments",
        status_code=201,
        dependencies=[Depends(reading)],
        openapi_extra=_FILE,
    )
    def post_content(
        scenario: Scenario,
        request: Request,
        _: Poster,
        field: Annotated[str, Query(max_length=_MOST_TEXT)],
        entity: Annotated[str, Query(min_length=1, max_length=_MOST_TEXT)],
    ) -> dict[str, Any]:
        """Store a file to which an event of `entity` will refer, and answer its reference.

        It is checked as the field's contents in events are. The entity owns it from then on: its
        erasure deletes the file.
        """
        desk = _desk(desks, queues, scenario)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            stored = desk.stored(field, body_of(request.scope), media_type, entity)
        except ContentRefused as error:
            further = {"reason_code": error.code}
            raise Refusal(
                Problem(status=422, kind="attachment", detail=str(error), further=further)
            ) from error
        except NoSuchField as error:
            raise _missing(str(error)) from error
        return {
            "reference": stored.reference,
            "media_type": stored.media_type,
            "bytes": len(stored.stored),
        }

    _add_of_cases(routes, desks, queues, reading)
    return routes


def _add_of_cases(
    routes: APIRouter, desks: Mapping[str, AttachmentDesk], queues: Queues, reading: Capacity
) -> None:
    at = "/v1/{scenario}/review/cases/{case_id}"

    @routes.get(
        f"{at}/attachments/{{field}}", response_class=Response, dependencies=[Depends(reading)]
    )
    def content_of_case(
        scenario: Scenario, case_id: CaseId, field: FieldPath, caller: Reviewer
    ) -> Response:
        """What can be shown of a case's attachment, also of one that was refused."""
        desk = _desk(desks, queues, scenario)
        text = _case(queues, scenario, case_id, caller).attachments.get(field, "")
        shown = desk.picture(field, text) if text and field in desk.fields else None
        if shown is None:
            raise _missing(f"case {case_id} has nothing to show of {field}")
        headers = {"Cache-Control": _NOT_STORED}
        if digest := reference_in(text):
            headers["ETag"] = f'"{digest}"'
        return Response(shown, media_type=desk.media_type(field), headers=headers)

    @routes.get(
        f"{at}/overlays/{{field}}", response_class=Response, dependencies=[Depends(reading)]
    )
    def overlay_of_case(
        scenario: Scenario, case_id: CaseId, field: FieldPath, caller: Reviewer
    ) -> Response:
        """A PNG that shows what in a case's attachment raised its score.

        By the version that made the prediction; 404 says why there is none.
        """
        desk = _desk(desks, queues, scenario)
        case = _case(queues, scenario, case_id, caller)
        try:
            overlay = desk.overlays.of(case, field)
        except OverlayUnavailable as error:
            problem = Problem(
                status=404,
                kind="no-overlay",
                detail=f"case {case_id} has no overlay of {field}",
                further={"cause": error.cause},
            )
            raise Refusal(problem) from error
        return Response(overlay, media_type="image/png", headers={"Cache-Control": _NOT_STORED})


def _desk(desks: Mapping[str, AttachmentDesk], queues: Queues, scenario: str) -> AttachmentDesk:
    if scenario in desks:
        return desks[scenario]
    if scenario not in queues:
        raise unknown_scenario(scenario, queues)
    raise _missing(f"events of {scenario} have no attachments")


def _case(queues: Queues, scenario: str, case_id: str, caller: Principal) -> ReviewCase:
    try:
        case, now_ms = queue_of(queues, scenario).case(case_id)
    except NoSuchCase as error:
        raise _missing(f"{scenario} has no such case") from error
    if not sees_whole(case, caller, now_ms):
        detail = "only who holds a case, or has decided it, sees its attachments"
        raise Refusal(Problem(status=403, kind="not-held", detail=detail))
    return case


def _missing(sentence: str) -> Refusal:
    return Refusal(Problem(status=404, kind="no-attachment", detail=sentence))
