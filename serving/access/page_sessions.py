"""Sessions of the pages: a signed cookie instead of a key, and a token against foreign forms."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import HTTPException, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from serving.access.bodies import body_of
from serving.access.keys import KeysUnusable, write_private

COOKIE = "everscore_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
# Methods that change nothing; all others need the token when a session calls.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class PageSession:
    """What the cookie says: which key was shown at login, and the session's own token."""

    key_id: str
    csrf_token: str


class PageSessions:
    """Makes and reads the cookies; the server stores nothing of a session.

    A session ends with its cookie, after `hours`, and at once when its key is withdrawn.
    """

    def __init__(self, secret: str, *, hours: float = 8.0) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="everscore page session")
        self._seconds = int(hours * 3600)

    def start(self, request: Request, response: Response, key_id: str) -> PageSession:
        """Set the cookie of a new session."""
        session = PageSession(key_id, secrets.token_urlsafe(24))
        response.set_cookie(
            COOKIE,
            self._serializer.dumps([session.key_id, session.csrf_token]),
            max_age=self._seconds,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return session

    def end(self, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")

    def session_of(self, request: Request) -> PageSession | None:
        """The session of the request; None without one, or when it is forged or over."""
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            return None
        try:
            values: Any = self._serializer.loads(cookie, max_age=self._seconds)
        except BadSignature:  # also when it has expired
            return None
        match values:
            case [str(key_id), str(csrf_token)]:
                return PageSession(key_id, csrf_token)
        return None


def check_csrf(request: Request, session: PageSession) -> None:
    """Raises HTTPException 403 when a session changes something without its token."""
    if request.method in SAFE_METHODS:
        return
    shown = request.headers.get(CSRF_HEADER) or form_fields(request).get(CSRF_FIELD, "")
    if not hmac.compare_digest(shown.encode(), session.csrf_token.encode()):
        raise HTTPException(403, "the page's token is missing or old: load the page again")


def form_fields(request: Request) -> Mapping[str, str]:
    """The fields of an HTML form (application/x-www-form-urlencoded); the last of a name counts."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return {}
    try:
        text = body_of(request.scope).decode("utf-8")
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise HTTPException(400, "the form is not UTF-8, or has over 1,000 fields") from error
    return {name: values[-1] for name, values in fields.items()}


def session_secret(path: Path | None) -> str:
    """The secret that signs cookies, made once; without a file it lasts as long as the process."""
    if path is None:
        return secrets.token_hex(32)
    try:
        secret = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        write_private(path, secrets.token_hex(32) + "\n")
        return session_secret(path)
    if len(secret) < 32:
        raise KeysUnusable(f"{path} holds no secret of 32 characters or more: remove it")
    return secret
