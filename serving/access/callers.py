"""Who calls: by an API key, an OIDC token or the session of a page."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import Request

from serving.access.attempts import WrongAttempts
from serving.access.keys import Keys, principal_of
from serving.access.page_sessions import PageSession, PageSessions, check_csrf
from serving.access.roles import Principal
from serving.problems import Refusal, too_busy

# Who shows a bearer token that is no key of ours; None when it is not valid.
TokenReader = Callable[[str], Principal | None]

_KEY_HEADER = "X-API-Key"
_PAUSE_SECONDS = 1.0
_TOKEN_LENGTH = 16_384


@dataclass(frozen=True)
class Callers:
    """The authenticator of the service.

    keys      gives the keys that are valid now
    sessions  of the pages; a page's session counts for every operation
    tokens    None = no OIDC provider is configured
    attempts  wrong keys and tokens by client

    An explicit key or token wins over a session: software that sends one means it, also when a
    browser adds a cookie.
    """

    keys: Callable[[], Keys]
    sessions: PageSessions
    tokens: TokenReader | None = None
    attempts: WrongAttempts = field(default_factory=WrongAttempts)

    def __call__(self, request: Request) -> Principal | Awaitable[Principal | None] | None:
        """The caller; raises `Refusal` 429 after many wrong keys, HTTPException 403 for CSRF."""
        text = shown_secret(request)
        if text is None:
            return self._by_session(request)
        if (caller := principal_of(self.keys(), text)) is not None:
            return caller
        if self.tokens is not None and text.count(".") == 2 and len(text) <= _TOKEN_LENGTH:
            return self._by_token(request, self.tokens, text)
        return self._refused(request)

    async def login(self, request: Request, text: str) -> Principal | None:
        """Who shows the key `text` at the login page."""
        caller = principal_of(self.keys(), text.strip())
        return caller if caller is not None else await self._refused(request)

    def session_of(self, request: Request) -> PageSession | None:
        """The page's session, while its key is valid."""
        session = self.sessions.session_of(request)
        return session if session is not None and session.key_id in self.keys() else None

    def _by_session(self, request: Request) -> Principal | None:
        session = self.session_of(request)
        if session is None:
            return None
        check_csrf(request, session)
        request.state.page_session = session
        return self.keys()[session.key_id].principal

    async def _by_token(self, request: Request, tokens: TokenReader, text: str) -> Principal | None:
        # In a thread: the keys of the provider may have to be fetched first.
        caller = await asyncio.to_thread(tokens, text)
        return caller if caller is not None else await self._refused(request)

    async def _refused(self, request: Request) -> Principal | None:
        """None at first; after many wrong keys a pause and `Refusal` 429."""
        client = request.client.host if request.client else "?"
        if seconds := self.attempts.add(client):
            await asyncio.sleep(_PAUSE_SECONDS)
            raise Refusal(too_busy("too many wrong keys from this address", seconds=seconds))
        return None


def shown_secret(request: Request) -> str | None:
    """The key or token of the request: `Authorization: Bearer …` or `X-API-Key: …`."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get(_KEY_HEADER)
