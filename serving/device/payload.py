"""What a device signs: one scored case, as JSON text."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated

import msgspec

from features.events.rules import MAX_ENTITY_BYTES
from scenarios.contract.records.device_records import DeviceVerdict

MOST_RECORDS = 500
MOST_PAYLOAD_BYTES = 65_536
# A key signs less than a million records a day for three years.
_LARGEST_NUMBER = 999_999_999_999

Text = Annotated[str, msgspec.Meta(max_length=512)]


class Payload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signed text, read.

    number       1, 2, … of the records that the key has signed, never used twice
    device_time  by the device's clock
    features     scenario's feature → value, exact in float32; None: missing
    """

    record_id: Text
    key_id: Text
    number: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST_NUMBER)]
    package_id: Text
    device_time: Annotated[datetime, msgspec.Meta(tz=True)]
    entity: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ENTITY_BYTES)]
    features: Mapping[str, float | None]
    score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    band: Text
    action: Text
    review: bool
    control_group: bool

    @property
    def verdict(self) -> DeviceVerdict:
        """What the device showed."""
        return DeviceVerdict(
            score=self.score,
            band=self.band,
            action=self.action,
            review=self.review,
            control_group=self.control_group,
        )


@dataclass(frozen=True)
class SignedPayload:
    """A payload as it came: the text that was signed, its signature, and what the text says."""

    text: str
    signature: str
    payload: Payload

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text; a signature differs each time, the text does not."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class PayloadUnreadable(ValueError):
    """The signed text is no record of a device of the scenario."""

    exit_code = 2


def record_id(scenario: str, key_id: str, number: int) -> str:
    """The id of a key's record."""
    return f"{scenario}-device-{key_id}-{number}"


def read_payload(text: str, signature: str, *, scenario: str) -> SignedPayload:
    """The record in `text`; raises `PayloadUnreadable`."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise PayloadUnreadable("the text holds half of a surrogate pair") from None
    if len(raw) > MOST_PAYLOAD_BYTES:
        raise PayloadUnreadable(f"{len(raw):,} bytes; allowed are {MOST_PAYLOAD_BYTES:,}")
    try:
        payload = msgspec.json.decode(raw, type=Payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PayloadUnreadable(f"{error}") from None
    expected = record_id(scenario, payload.key_id, payload.number)
    if payload.record_id != expected:
        raise PayloadUnreadable(f"record_id is {payload.record_id!r}; expected {expected!r}")
    if len(payload.entity.encode()) > MAX_ENTITY_BYTES:
        raise PayloadUnreadable(f"entity has more than {MAX_ENTITY_BYTES} bytes")
    return SignedPayload(text, signature, payload)
