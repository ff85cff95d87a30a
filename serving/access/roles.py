"""Who calls the web service, and which operations each role may call."""

import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import HTTPException, Request


class Role(StrEnum):
    """What a caller may do; one caller may have several roles."""

    AGENT = "agent"
    REVIEWER = "reviewer"
    SCIENTIST = "scientist"
    OPERATOR = "operator"
    AUDITOR = "auditor"


ALL_ROLES = tuple(Role)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A caller who has shown a key, a token or a session.

    name    stands in records (outcomes, review decisions, promotions)
    roles   what the caller may do
    key_id  stands in the access log: a key's id, or a digest of a token's subject; no name
    """

    name: str
    roles: frozenset[Role]
    key_id: str = ""


# Who calls; None without a valid key, token or session. It may raise HTTPException. One that must
# ask another server gives an awaitable.
Authenticator = Callable[[Request], Principal | Awaitable[Principal | None] | None]


class Allowed:
    """A dependency: the caller of an operation, who has one of `roles`.

    Answers 401 to a caller without a valid key, token or session, and 403 to one without a role.
    Every operation but those of health has one: `create_app` refuses an operation without.
    """

    def __init__(self, *roles: Role) -> None:
        if not roles:
            raise ValueError("an operation needs at least one role")
        self.roles: Collection[Role] = roles

    # A coroutine: FastAPI would send a plain function to the thread pool, at 0.1 ms a request.
    async def __call__(self, request: Request) -> Principal:
        """The caller, also in `request.state.caller`; raises HTTPException 401 or 403."""
        caller = await caller_of(request)
        if caller is None:
            raise HTTPException(
                401, "no valid key, token or session", headers={"WWW-Authenticate": "Bearer"}
            )
        request.state.caller = caller
        if not caller.roles & set(self.roles):
            needed = ", ".join(self.roles)
            raise HTTPException(403, f"this needs one of the roles {needed}")
        return caller

    def __repr__(self) -> str:
        return f"Allowed({', '.join(self.roles)})"


async def caller_of(request: Request) -> Principal | None:
    """Who calls, also for an operation that needs no key."""
    authenticate: Authenticator = request.app.state.authenticate
    caller = authenticate(request)
    return await caller if inspect.isawaitable(caller) else caller


def roles_of(route: Any) -> Collection[Role] | None:
    """The roles that an operation's `Allowed` asks for; None when it has none."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Allowed):
            return dependency.call.roles
    return None
