"""What a device scored while it was offline: the records of `S.device-records`.

One schema for all scenarios. The web service alone publishes them, after it has checked signature
and number and has recomputed the score. A record is published at least once: readers keep one per
`record_id`.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

TOPIC_KIND = "device-records"
RECORD_TYPE = "device_record"

# What the device's clock says, compared with the server's at issue and arrival.
Clock = Literal["plausible", "before the key was issued", "after the record arrived"]


class ModelName(msgspec.Struct, frozen=True, kw_only=True):
    """The version that the device scored with."""

    name: str
    version: str


class DeviceVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Score and decision of one case; `action` is that of the control group for its entities."""

    score: float
    band: str
    action: str
    review: bool
    control_group: bool


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed, to the byte, and the signature (ECDSA P-256, r and s in base64)."""

    payload: str
    signature: str
    public_key: Mapping[str, str]


class DeviceRecordDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it is published and archived, keyed by its entity.

    event_time   by the device's clock, which may be wrong: `clock` says what is known of it
    arrived_at   by the server's clock, UTC, ISO 8601
    scored_by    to whom the key was issued; synced_by: who sent the record
    number       1, 2, … of the key's records; a gap is a record that never arrived
    verdict      the server's, recomputed from `features` by the judge
    on_device    what the device showed
    features     scenario's feature → value, exact in float32; None: missing
    """

    type: str = RECORD_TYPE
    entity: str
    event_time: str
    record_id: str
    key_id: str
    number: int
    package_id: str
    model: ModelName
    policy_version: str
    clock: Clock
    arrived_at: str
    scored_by: str
    synced_by: str
    verdict: DeviceVerdict
    on_device: DeviceVerdict
    features: Mapping[str, float | None]
    signed: Signed
