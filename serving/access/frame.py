"""Around every request: its id, security headers, one line of the access log, its metrics.

The line names the operation's template, never the path: that holds the ids of customers.
"""

import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.metrics import RequestMetrics
from serving.problems import PageView, Problem, answer_of

AccessLog = Callable[[str], None]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DEVICE_PAGE = re.compile(r"/desk/[^/]+/device(/.*)?")
# Scripts and styles come from files of ours only: no text of a customer can become either.
_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_CONTENT_POLICY = _POLICY.format(scripts="")
# The device page compiles onnxruntime's WebAssembly.
_DEVICE_POLICY = _POLICY.format(scripts=" 'wasm-unsafe-eval'")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Frame:
    """The outermost ASGI layer; an error that nobody handled ends here as a problem with an id."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: RequestMetrics,
        access_log: AccessLog | None,
        page_view: PageView | None,
    ) -> None:
        self._app = app
        self._page_view = page_view
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope, request_id)
            await send(message)

        self._metrics.under_way += 1
        try:
            await self._app(scope, receive, framed)
        except Exception as error:
            if status != 0:  # only the connection's end can say that an answer is not whole
                raise
            answer = answer_of(Request(scope), error, self._page_view)
            await answer(scope, receive, framed)
        finally:
            self._metrics.under_way -= 1
            self._record(scope, request_id, status, time.perf_counter() - began)

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", None) or "(none)"
        # 499, as nginx has it: the client went away before there was an answer.
        self._metrics.add(method=method, route=route, status=status or 499, seconds=seconds)
        if self._access_log is not None:
            caller = scope["state"].get("caller")
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = {
                "time": now,
                "method": method,
                "route": route,
                "status": status or 499,
                "ms": round(seconds * 1000, 2),
                "caller": caller.key_id if caller is not None else None,
                "request_id": request_id,
            }
            self._access_log(json.dumps(line))


def raw_answer(problem: Problem) -> bytes:
    """`problem` as bytes of HTTP/1.1 that close the connection: to what never became a request."""
    response = problem.response()
    response.headers["Connection"] = "close"
    _set_security_headers(response.headers, _CONTENT_POLICY)
    head = [f"HTTP/1.1 {problem.status} {problem.title}"]
    head += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + bytes(response.body)


def _request_id(scope: Scope) -> str:
    """The caller's own X-Request-Id when it is a plain one; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            return text if _REQUEST_ID.fullmatch(text) else uuid.uuid4().hex[:16]
    return uuid.uuid4().hex[:16]


def _add_headers(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    headers["X-Request-Id"] = request_id
    is_device_page = _DEVICE_PAGE.fullmatch(scope["path"]) is not None
    # A report brings its own, which shuts it in.
    policy = _DEVICE_POLICY if is_device_page else _CONTENT_POLICY
    _set_security_headers(headers, policy)


def _set_security_headers(headers: MutableHeaders, policy: str) -> None:
    headers.setdefault("Content-Security-Policy", policy)
    for name, value in _HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
