"""Signatures as browsers make them."""

import base64

import pytest

from serving.device.signatures import NoPublicKey, is_signed, public_jwk
from tests.support.device import Device


def test_a_signature_is_that_of_its_text_by_its_key_only() -> None:
    device, another = Device(), Device()
    key, signature = public_jwk(device.public_key), device.signature("text")
    assert is_signed(b"text", signature, key)
    assert not is_signed(b"texT", signature, key)
    assert not is_signed(b"text", signature, public_jwk(another.public_key))
    assert not is_signed(b"text", another.signature("text"), key)


@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", base64.b64encode(bytes(64)).decode()])
def test_what_is_no_signature_is_none(text: str) -> None:
    assert not is_signed(b"text", text, Device().public_key)


def test_only_a_public_point_of_the_curve_is_a_key() -> None:
    good = Device().public_key
    assert public_jwk({**good, "ext": True, "key_ops": ["verify"]}) == good
    bad: list[dict[str, object]] = [
        {},
        {**good, "crv": "P-384"},
        {**good, "x": 1},
        {**good, "x": "AA"},
        {**good, "x": "ü"},
        {**good, "y": good["x"]},  # not on the curve
        {**good, "d": good["x"]},
    ]
    for document in bad:
        with pytest.raises(NoPublicKey):
            public_jwk(document)
