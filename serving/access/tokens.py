"""Bearer tokens of an OIDC provider: signature, issuer, audience, time, roles."""

import hashlib
import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt

from serving.access.keys import KeysUnusable
from serving.access.roles import Principal, Role

log = logging.getLogger("everscore.serving")

# Asymmetric only: with HS256 a provider's public key would be a password, `none` is no signature.
ALGORITHMS = ("RS256", "ES256")
_DOCUMENT_BYTES = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """The provider, and how its tokens are read.

    issuer          must be the token's `iss`
    audience        must be among the token's `aud`
    jwks            file or https address of the provider's public keys (RFC 7517)
    roles_claim     where the roles stand, with dots between levels: `realm_access.roles`
    leeway_seconds  how far the provider's clock and ours may differ
    """

    issuer: str
    audience: str
    jwks: str
    roles_claim: str = "roles"
    leeway_seconds: float = 30.0


@dataclass
class TokenKeys:
    """The provider's public keys, read when a token names one that is not there yet.

    pause_seconds  between two readings, so that tokens with invented key ids cost nothing
    """

    place: str
    read: Callable[[str], bytes] = field(default_factory=lambda: _read)
    clock: Callable[[], float] = time.monotonic
    pause_seconds: float = 30.0
    _keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict, init=False)
    _read_at: float | None = field(default=None, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key `key_id`; None when the provider does not have it, or does not answer."""
        if key_id not in self._keys:
            with self._turn:
                now = self.clock()
                is_due = self._read_at is None or now - self._read_at >= self.pause_seconds
                if key_id not in self._keys and is_due:
                    self._read_at = now
                    self._reread()
        return self._keys.get(key_id)

    def _reread(self) -> None:
        try:
            document = json.loads(self.read(self.place))
            self._keys = {
                entry["kid"]: jwt.PyJWK.from_dict(entry)
                for entry in document["keys"]
                if entry.get("kid") and entry.get("use", "sig") == "sig" and _is_public(entry)
            }
        except Exception as error:  # the network, the document, a key of a new kind
            log.warning("the keys of the OIDC provider cannot be read: %s", error)


@dataclass(frozen=True)
class Tokens:
    """Reads tokens of one issuer; `keys` are shared by all threads."""

    issuer: Issuer
    keys: TokenKeys

    def __call__(self, text: str) -> Principal | None:
        """Whose token it is; None when it is not valid now or has no role of ours."""
        try:
            header = jwt.get_unverified_header(text)
            key_id, algorithm = header.get("kid"), header.get("alg")
            if algorithm not in ALGORITHMS or not isinstance(key_id, str):
                return None
            key = self.keys.key(key_id)
            # A key serves the algorithm that its type is for, whatever the token's header says.
            if key is None or key.algorithm_name != algorithm:
                return None
            claims = jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                issuer=self.issuer.issuer,
                audience=self.issuer.audience,
                leeway=self.issuer.leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            log.info("a token was refused: %s", error)
            return None
        return _principal(claims, self.issuer)


def _principal(claims: Mapping[str, Any], issuer: Issuer) -> Principal | None:
    names: Any = claims
    for part in issuer.roles_claim.split("."):
        names = names.get(part) if isinstance(names, Mapping) else None
    if isinstance(names, str):
        names = names.split()
    known = {role.value: role for role in Role}
    roles = frozenset(
        known[name] for name in names or () if isinstance(name, str) and name in known
    )
    if not roles:
        return None
    subject = str(claims["sub"])
    digest = hashlib.sha256(f"{issuer.issuer}\n{subject}".encode("utf-8", "surrogatepass"))
    return Principal(name=subject, roles=roles, key_id=f"oidc-{digest.hexdigest()[:12]}")


def _is_public(entry: Mapping[str, Any]) -> bool:
    return entry.get("kty") in ("RSA", "EC")


def _read(place: str) -> bytes:
    """The document at a file or an https address; http is for this machine only."""
    if "://" not in place:
        return Path(place).read_bytes()
    with urllib.request.urlopen(place, timeout=5.0) as answer:
        content: bytes = answer.read(_DOCUMENT_BYTES + 1)
    if len(content) > _DOCUMENT_BYTES:
        raise ValueError(f"the document is larger than {_DOCUMENT_BYTES:,} bytes")
    return content


def checked_place(place: str) -> str:
    """`place` when keys may come from there; raises `KeysUnusable` for plain http elsewhere."""
    local = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
    if "://" in place and not place.startswith(("https://", *local)):
        raise KeysUnusable(f"serving.oidc.jwks must be a file or an https address, not {place!r}")
    return place
