"""Who may call the web service: keys of file and environment, tokens, sessions of the pages."""

from collections.abc import Callable

from conf.settings import Settings
from serving.access.callers import Callers
from serving.access.keys import KeyFile, keys_in
from serving.access.page_sessions import PageSessions, session_secret
from serving.access.tokens import Issuer, TokenKeys, Tokens, checked_place

_SECRET_FILE = "session-secret"


def callers_of(settings: Settings, *, log: Callable[[str], None]) -> Callers:
    """The authenticator by the settings; raises `KeysUnusable`."""
    serving, path = settings.serving, settings.serving.keys_file
    fixed = keys_in(serving.keys.get_secret_value()) if serving.keys is not None else {}
    key_file = KeyFile(path, fixed, log=log)
    key_file.check()
    secret_file = path.with_name(_SECRET_FILE) if path is not None else None
    return Callers(
        keys=key_file.keys,
        sessions=PageSessions(session_secret(secret_file), hours=serving.session_hours),
        tokens=_tokens(settings),
    )


def _tokens(settings: Settings) -> Tokens | None:
    oidc = settings.serving.oidc
    if not oidc.issuer:
        return None
    issuer = Issuer(
        issuer=oidc.issuer,
        audience=oidc.audience,
        jwks=checked_place(oidc.jwks),
        roles_claim=oidc.roles_claim,
        leeway_seconds=oidc.leeway_seconds,
    )
    return Tokens(issuer, TokenKeys(issuer.jwks))
