"""Scripts, styles and pictures of the pages, in memory, under addresses that hold their digest."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Request, Response

OPEN_ROUTES = frozenset({"/static/{name}"})

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFile:
    """One file; `digest` is the start of its SHA-256, in hex."""

    content: bytes
    media_type: str
    digest: str


@dataclass(frozen=True)
class StaticFiles:
    """Name → file: those of serving/static, and scripts of others."""

    by_name: Mapping[str, StaticFile]

    @classmethod
    def of(cls, scripts: Mapping[str, bytes]) -> "StaticFiles":
        """Our files with `scripts` of others, which are not committed."""
        folder = files("serving").joinpath("static")
        ours = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        return cls({name: _file(name, content) for name, content in {**scripts, **ours}.items()})

    def address(self, name: str) -> str:
        """Where a page finds the file; another content has another address."""
        file = self.by_name.get(name)
        return f"/static/{name}?v={file.digest}" if file is not None else f"/static/{name}"


def static_router(static_files: StaticFiles) -> APIRouter:
    """`/static/NAME`: nothing secret, so no key is needed; the login page has a style, too."""
    router = APIRouter(tags=["pages"])

    @router.get("/static/{name}", response_class=Response)
    async def static(name: str, request: Request) -> Response:
        """One file. With its digest in the address it may be stored for ever."""
        file = static_files.by_name.get(name)
        if file is None:
            raise HTTPException(404, "there is no such file")
        is_pinned = request.query_params.get("v") == file.digest
        headers = {
            "ETag": f'"{file.digest}"',
            "Cache-Control": _FOR_EVER if is_pinned else "no-cache",
        }
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)

    return router


def _file(name: str, content: bytes) -> StaticFile:
    suffix = f".{name.rpartition('.')[2]}"
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return StaticFile(content, media_type, hashlib.sha256(content).hexdigest()[:16])
