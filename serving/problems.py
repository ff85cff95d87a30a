"""What went wrong, as RFC 9457 wants it: `application/problem+json`, without traces and paths."""

import json
import logging
import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from reports.terminal import message_of, visible
from scenarios.contract.scenario import UnknownScenario
from stores.delta.tables import TableAbsent
from stores.hbase.connection import StoreDown, TableMissing
from stores.kafka.errors import KafkaDown, TopicMissing

log = logging.getLogger("everscore.serving")

MEDIA_TYPE = "application/problem+json"
_PATH = re.compile(r"(?<![\w.:/])(?:[A-Za-z][\w+.-]*:)?/{1,3}(?:[^\s/'\"`,;:]+/)+[^\s/'\"`,;:)]*")
_WAIT_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An answer that says what is wrong.

    kind     a name for programs, the end of `type`; empty = the status says all there is to say
    detail   a sentence for people
    headers  such as Retry-After
    further  more members of the document
    """

    status: int
    detail: str
    kind: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    further: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The status in words."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Problem"

    def response(self) -> Response:
        """The answer. ASCII only: a lone surrogate of the request could not be encoded."""
        document = {
            "type": f"urn:everscore:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.further,
        }
        return Response(
            json.dumps(document).encode(),
            status_code=self.status,
            headers=dict(self.headers),
            media_type=MEDIA_TYPE,
        )


class Refusal(Exception):
    """A problem as an exception, for refusals with a `kind` or with members of their own."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


# How a problem of a page looks; None = as any other.
PageView = Callable[[Request, Problem], Response | None]


def add_problem_handlers(app: FastAPI, *, page_view: PageView | None = None) -> None:
    """Answer errors of the operations as problems; `page_view` shows those of pages."""

    async def handler(request: Request, error: Exception) -> Response:
        return answer_of(request, error, page_view)

    for known_class in (RequestValidationError, StarletteHTTPException, Refusal, *_KNOWN):
        app.add_exception_handler(known_class, handler)


def answer_of(request: Request, error: Exception, page_view: PageView | None) -> Response:
    """The answer to a request that ended in `error`."""
    problem = problem_of(error)
    shown = page_view(request, problem) if page_view is not None else None
    return shown if shown is not None else problem.response()


def problem_of(error: BaseException) -> Problem:
    """The problem that a caller may see; what is unexpected goes to the log, under an id."""
    if isinstance(error, Refusal):
        return error.problem
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, StarletteHTTPException):
        return Problem(
            status=error.status_code, detail=str(error.detail), headers=dict(error.headers or {})
        )
    # Of Python, msgspec and pydantic alike, which keep such texts when they decode.
    if isinstance(error, ValueError) and "surrogates not allowed" in message_of(error):
        return Problem(status=400, kind="text", detail="a text holds half a character (surrogate)")
    if isinstance(error, RecursionError):
        return Problem(status=400, kind="depth", detail="the body is nested too deeply")
    for known_class, (status, kind, detail) in _KNOWN.items():
        if isinstance(error, known_class):
            return _known(error, status=status, kind=kind, detail=detail)
    code = getattr(error, "exit_code", None)
    if isinstance(code, int) and code in _BY_EXIT_CODE:
        return _known(error, status=_BY_EXIT_CODE[code], kind="refused", detail="")
    return unexpected(error)


def unexpected(error: BaseException) -> Problem:
    """A mistake of ours: the caller gets an id, the log the whole trace under that id."""
    error_id = uuid.uuid4().hex[:12]
    log.error("error %s", error_id, exc_info=error)
    return Problem(
        status=500,
        kind="unexpected",
        detail=f"something unexpected went wrong; the service's log has it as {error_id}",
        further={"error_id": error_id},
    )


def unknown_scenario(name: str, scenarios: Mapping[str, Any]) -> Refusal:
    """404 with the names that exist."""
    names = ", ".join(sorted(scenarios)) or "none"
    return Refusal(
        Problem(
            status=404,
            kind="unknown-scenario",
            detail=f"there is no scenario {visible(name[:100])!r}; there is: {names}",
            further={"scenarios": sorted(scenarios)},
        )
    )


def too_busy(what: str, *, seconds: float = 1.0) -> Problem:
    """429: as many as the service takes at once are under way."""
    return Problem(
        status=429,
        kind="busy",
        detail=f"{what}; try again in {math.ceil(seconds)} s",
        headers={"Retry-After": str(math.ceil(seconds))},
    )


def without_paths(text: str) -> str:
    """`text` without paths and addresses of the server, which are nobody's business."""
    return _PATH.sub("(a place on the server)", text)


# What an operation of any part may raise → status, kind, and a sentence for the caller; an empty
# one stands for the error's own, which names a remedy.
_KNOWN: Mapping[type[Exception], tuple[int, str, str]] = {
    StoreDown: (503, "store-down", "the store of states and latest rows does not answer"),
    KafkaDown: (503, "kafka-down", "Kafka does not answer"),
    TableMissing: (503, "table-missing", ""),
    TopicMissing: (503, "topic-missing", ""),
    TableAbsent: (503, "archive-missing", ""),
    UnknownScenario: (404, "unknown-scenario", ""),
}
# As in jobs: wrong usage, a service that is down, a refusal for safety.
_BY_EXIT_CODE = {2: 422, 3: 503, 4: 409}


def _known(error: BaseException, *, status: int, kind: str, detail: str) -> Problem:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("%s: %s", kind, message_of(error))
    headers = {"Retry-After": str(_WAIT_SECONDS)} if status == 503 else {}
    sentence = detail or without_paths(message_of(error))
    return Problem(status=status, kind=kind, detail=sentence, headers=headers)


def _invalid(error: RequestValidationError) -> Problem:
    """Where and why, without what was given: that may be about a customer."""
    errors: Sequence[Mapping[str, Any]] = error.errors()
    is_no_json = any(entry.get("type") == "json_invalid" for entry in errors)
    mistakes = [
        {"where": _place(entry.get("loc", ())), "message": visible(str(entry.get("msg", "")))}
        for entry in errors[:20]
    ]
    detail = "; ".join(f"{mistake['where']}: {mistake['message']}" for mistake in mistakes[:3])
    return Problem(
        status=400 if is_no_json else 422,
        kind="invalid",
        detail=detail or "the request is not valid",
        further={"errors": mistakes},
    )


def _place(location: Sequence[Any]) -> str:
    """`body.events[0].type` from the parts of it."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{visible(str(part)[:80])}"
    return text or "request"
