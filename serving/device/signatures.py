"""Signatures of devices: ECDSA over P-256 with SHA-256, as browsers make them (WebCrypto)."""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_COORDINATE_BYTES = 32


class NoPublicKey(ValueError):
    """What a device offers is no public key of P-256."""

    exit_code = 2


def public_jwk(document: Mapping[str, object]) -> dict[str, str]:
    """The members of a JSON Web Key (RFC 7517) that make a point of P-256; raises `NoPublicKey`."""
    jwk = {name: document.get(name) for name in ("kty", "crv", "x", "y")}
    texts = {name: value for name, value in jwk.items() if isinstance(value, str)}
    if (texts.get("kty"), texts.get("crv")) != ("EC", "P-256") or len(texts) < len(jwk):
        raise NoPublicKey("expected a JSON Web Key with kty EC, crv P-256, x and y")
    if "d" in document:
        raise NoPublicKey("this is a private key (it has d): it must not leave the device")
    _point(texts)
    return texts


def is_signed(payload: bytes, signature: str, jwk: Mapping[str, str]) -> bool:
    """Whether `signature` (base64 of r and s, 32 bytes each) is that of `payload` by this key."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != 2 * _COORDINATE_BYTES:
        return False
    r, s = (int.from_bytes(raw[at : at + _COORDINATE_BYTES], "big") for at in (0, 32))
    try:
        _point(jwk).verify(encode_dss_signature(r, s), payload, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _point(jwk: Mapping[str, str]) -> ec.EllipticCurvePublicKey:
    try:
        x, y = (_coordinate(jwk[name]) for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError as error:
        raise NoPublicKey(f"x and y are no point of P-256: {error}") from error


def _coordinate(text: str) -> int:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if len(raw) != _COORDINATE_BYTES:
        raise ValueError(f"{len(raw)} bytes instead of {_COORDINATE_BYTES}")
    return int.from_bytes(raw, "big")
