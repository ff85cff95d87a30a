"""OIDC tokens of an issuer that runs here: a real one, with keys over HTTP."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi.testclient import TestClient

from serving.access.callers import Callers
from serving.access.keys import KeysUnusable
from serving.access.page_sessions import PageSessions
from serving.access.roles import Role
from serving.access.tokens import Issuer, TokenKeys, Tokens, checked_place
from serving.app import create_app
from serving.parts import Serving

AUDIENCE = "everscore"


class LocalIssuer:
    """Signs tokens, and serves its public keys at /jwks."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.public: list[dict[str, Any]] = []
        self.requests = 0
        self.is_down = False
        self.publish("rsa-1", "RS256", self.rsa.public_key())
        self.publish("ec-1", "ES256", self.ec.public_key())
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                self.send_response(503 if issuer.is_down else 200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": issuer.public}).encode())

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def publish(self, key_id: str, algorithm: str, key: Any) -> None:
        kind: Any = (
            jwt.algorithms.RSAAlgorithm if algorithm == "RS256" else jwt.algorithms.ECAlgorithm
        )
        self.public.append({**kind.to_jwk(key, as_dict=True), "kid": key_id, "use": "sig"})

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": [AUDIENCE, "other"],
            "sub": "3f1c",
            "exp": now + 300,
            "nbf": now - 10,
            "realm_access": {"roles": ["agent", "cook"]},
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key_id: str = "rsa-1", algorithm: str = "RS256", **changes: Any) -> str:
        key: Any = self.ec if algorithm == "ES256" else self.rsa
        claims = self.claims(**changes)
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id})

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer()
    yield issuer
    issuer.stop()


def tokens_of(issuer: LocalIssuer, **keys: Any) -> Tokens:
    described = Issuer(
        issuer=issuer.address,
        audience=AUDIENCE,
        jwks=f"{issuer.address}/jwks",
        roles_claim="realm_access.roles",
    )
    return Tokens(described, TokenKeys(described.jwks, **keys))


@pytest.mark.parametrize(("key_id", "algorithm"), [("rsa-1", "RS256"), ("ec-1", "ES256")])
def test_token_of_the_issuer_is_a_caller(issuer: LocalIssuer, key_id: str, algorithm: str) -> None:
    caller = tokens_of(issuer)(issuer.token(key_id=key_id, algorithm=algorithm))
    assert caller is not None
    assert (caller.name, caller.roles) == ("3f1c", frozenset({Role.AGENT}))
    assert caller.key_id.startswith("oidc-")
    assert "3f1c" not in caller.key_id


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_000_000},
        {"exp": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"nbf": 4_000_000_000},
        {"realm_access": {"roles": ["cook"]}},
        {"realm_access": "agent"},
        {"realm_access": None},
        {"key_id": "rsa-9"},
        {"key_id": "ec-1"},
    ],
)
def test_token_that_is_not_for_us_now_is_refused(
    issuer: LocalIssuer, changes: dict[str, Any]
) -> None:
    assert tokens_of(issuer)(issuer.token(**changes)) is None


def test_clock_of_the_issuer_may_differ_by_the_leeway(issuer: LocalIssuer) -> None:
    tokens, now = tokens_of(issuer), int(time.time())
    assert tokens(issuer.token(exp=now - 10)) is not None
    assert tokens(issuer.token(exp=now - 60)) is None


def test_token_without_or_with_a_borrowed_signature_is_refused(issuer: LocalIssuer) -> None:
    tokens = tokens_of(issuer)
    claims, headers = issuer.claims(), {"kid": "rsa-1"}
    no_key: Any = None
    unsigned = jwt.encode(claims, no_key, algorithm="none", headers=headers)
    parts = ({"alg": "HS256", **headers}, claims)
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    secret = json.dumps(issuer.public[0]).encode()
    by_public_key = f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"
    head, body, signature = issuer.token().split(".")
    other_body = issuer.token(sub="boss").split(".")[1]
    for text in (
        unsigned,
        by_public_key,
        f"{head}.{other_body}.{signature}",
        f"{head}.{body}.",
        "a.b.c",
    ):
        assert tokens(text) is None


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_new_key_of_the_issuer_is_fetched_but_invented_ones_cost_no_request(
    issuer: LocalIssuer,
) -> None:
    now = [0.0]
    tokens = tokens_of(issuer, clock=lambda: now[0], pause_seconds=30.0)
    before = issuer.requests
    for number in range(20):
        assert tokens(issuer.token(key_id=f"invented-{number}")) is None
    assert issuer.requests == before + 1
    issuer.publish("rsa-2", "RS256", issuer.rsa.public_key())
    assert tokens(issuer.token(key_id="rsa-2")) is None  # read a moment ago
    now[0] = 31.0
    assert tokens(issuer.token(key_id="rsa-2")) is not None


def test_issuer_that_is_down_leaves_the_keys_that_are_there(issuer: LocalIssuer) -> None:
    now = [0.0]
    tokens = tokens_of(issuer, clock=lambda: now[0])
    assert tokens(issuer.token()) is not None
    issuer.is_down = True
    try:
        now[0] = 100.0
        assert tokens(issuer.token(key_id="unknown")) is None
        assert tokens(issuer.token()) is not None
    finally:
        issuer.is_down = False


def test_keys_may_stand_in_a_file(issuer: LocalIssuer, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": issuer.public}))
    keys = TokenKeys(checked_place(str(path)))
    assert keys.key("rsa-1") is not None
    with pytest.raises(KeysUnusable):
        checked_place("http://login.example.com/jwks")


def test_service_takes_tokens_beside_keys(issuer: LocalIssuer) -> None:
    callers = Callers(dict, PageSessions("s" * 40), tokens=tokens_of(issuer))
    serving = Serving(scenarios={}, routers=(), authenticate=callers, login=callers)
    client = TestClient(create_app(serving))

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return int(client.get("/openapi.json", headers=headers).status_code)

    assert status(issuer.token()) == 200
    assert status(issuer.token(exp=1)) == 401
