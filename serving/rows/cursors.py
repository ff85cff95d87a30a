"""Where a list goes on: an opaque text that a caller sends back as it was."""

import base64
from hashlib import blake2b
from typing import TypeVar

import msgspec

Place = TypeVar("Place", bound=msgspec.Struct)

_CHECK_BYTES = 8


class CursorRefused(ValueError):
    """A cursor that no answer of this list contained."""

    exit_code = 2


def cursor_of(place: msgspec.Struct) -> str:
    """The cursor that stands for `place`; it can be part of a URL as it is."""
    body = msgspec.msgpack.encode(place)
    return base64.urlsafe_b64encode(_check(body) + body).decode().rstrip("=")


def place_of(cursor: str, kind: type[Place]) -> Place:
    """The place of a cursor; raises `CursorRefused` when it is damaged or of another list."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if check == _check(body):
            return msgspec.msgpack.decode(body, type=kind)
    except (ValueError, msgspec.MsgspecError):
        pass
    raise CursorRefused("the cursor is damaged or of another list: begin without one")


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK_BYTES, person=b"list").digest()
