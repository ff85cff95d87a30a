"""What a request's body may be: how large, how deep, how slow. It is read before the operation."""

import asyncio
import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import Problem

# Where `body_of` finds it.
_BODY = "everscore.body"
# A file, which no operation reads as JSON: brackets in it mean nothing.
_FILE_PATH = re.compile(r"/v1/[^/]+/attachments")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_OPENING, _CLOSING = b"[{", b"]}"
_OTHERS = bytes(byte for byte in range(256) if byte not in _OPENING + _CLOSING)


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """Bounds of a body; a request beyond them never reaches its operation."""

    max_bytes: int = 1_048_576
    max_levels: int = 100
    seconds: float = 10.0


def body_of(scope: MutableMapping[str, Any]) -> bytes:
    """The whole body of the request; empty when it has none."""
    body = scope.get(_BODY, b"")
    return body if isinstance(body, bytes) else b""


class BodyGuard:
    """An ASGI layer that reads the body within the limits and hands it on whole.

    413 without reading the rest when it is larger, 400 when JSON is nested more deeply, 408 when
    it does not arrive in time.
    """

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not _has_body(headers := Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._limits.seconds):
                body = await self._whole(headers, receive)
        except TimeoutError:
            body = self._problem(408, "slow", f"the body took over {self._limits.seconds:g} s")
        if body is None:  # the client went away
            return
        is_file = _FILE_PATH.fullmatch(scope["path"]) is not None
        if isinstance(body, bytes) and not is_file and self._is_too_deep(_text_in(body, headers)):
            levels = self._limits.max_levels
            body = self._problem(400, "depth", f"the body is nested more than {levels} levels deep")
        if isinstance(body, Problem):
            await body.response()(scope, receive, send)
            return
        scope[_BODY] = body
        await self._app(scope, _replay(body, receive), send)

    async def _whole(self, headers: Headers, receive: Receive) -> bytes | Problem | None:
        limit = self._limits.max_bytes
        too_large = self._problem(413, "size", f"a body has at most {limit:,} bytes")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > limit:
            return too_large
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                return too_large
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    def _is_too_deep(self, text: bytes) -> bool:
        limit = self._limits.max_levels
        return text.count(b"[") + text.count(b"{") > limit and depth(text) > limit

    def _problem(self, status: int, kind: str, detail: str) -> Problem:
        # What is still under way would be read as the next request.
        return Problem(status=status, kind=kind, detail=detail, headers={"Connection": "close"})


def depth(document: bytes) -> int:
    """How deeply the arrays and objects of a JSON text are nested; brackets in strings are text."""
    brackets = np.frombuffer(_STRING.sub(b"", document).translate(None, _OTHERS), dtype=np.uint8)
    steps = np.where(np.isin(brackets, list(_OPENING)), 1, -1)
    return int(np.cumsum(steps).max(initial=0))


def _text_in(body: bytes, headers: Headers) -> bytes:
    """What an operation may read as JSON: the body, whatever its media type says.

    Binary tensors of the Open Inference Protocol follow a JSON head of an announced length.
    """
    length = headers.get("inference-header-content-length", "")
    return body[: int(length)] if length.isdecimal() and len(length) < 10 else body


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body in one message, then what the server says: that the client went away."""
    is_sent = False

    async def replayed() -> Message:
        nonlocal is_sent
        if is_sent:
            return await receive()
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
