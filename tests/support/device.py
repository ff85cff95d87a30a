"""A device without a browser, its keys in memory, and the service's part for devices."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from models.formats.artifact import load_artifact
from models.scoring_model import ScoringModel
from serving.device.package import Deployed, Packages
from serving.device.routes import Devices
from serving.device.sync import RecordSync
from stores.records.deployments import ModelPointer
from stores.records.device_keys import Claim, DeviceKey
from tests.scenarios.tiny import SCENARIO

ISSUED = datetime(2026, 11, 29, 12, tzinfo=UTC)
REFRESH_SECONDS = 86_400.0


@dataclass
class MemoryDeviceKeys:
    """What `DeviceKeyTable` does, in memory."""

    keys: dict[str, DeviceKey] = field(default_factory=dict)
    cells: dict[tuple[str, int], tuple[str, bool]] = field(default_factory=dict)

    def add(self, key: DeviceKey) -> None:
        self.keys[key.id] = key

    def read(self, key_id: str) -> DeviceKey | None:
        return self.keys.get(key_id)

    def revoke(self, key_id: str, *, caller: str, now_ms: int) -> DeviceKey | None:
        key = self.keys.get(key_id)
        if key is not None and not key.revoked_at_ms:
            self.keys[key_id] = replace(key, revoked_at_ms=now_ms, revoked_by=caller)
        return self.keys.get(key_id)

    def claims(self, key_id: str, digests: Mapping[int, str]) -> Mapping[int, Claim]:
        return {number: self._claim(key_id, number, digests[number]) for number in digests}

    def claim(self, key_id: str, number: int, digest: str) -> Claim:
        before = self._claim(key_id, number, digest)
        self.cells.setdefault((key_id, number), (digest, False))
        return before

    def mark_published(self, key_id: str, digests: Mapping[int, str]) -> None:
        for number, digest in digests.items():
            self.cells[key_id, number] = (digest, True)

    def _claim(self, key_id: str, number: int, digest: str) -> Claim:
        stored = self.cells.get((key_id, number))
        if stored is None:
            return "new"
        if stored[0] != digest:
            return "another"
        return "published" if stored[1] else "unpublished"

    @contextmanager
    def opened(self) -> Iterator["MemoryDeviceKeys"]:
        """As `Devices.keys`."""
        yield self


@dataclass
class Topic:
    """Takes messages, unless it is down."""

    messages: list[tuple[bytes, bytes]] = field(default_factory=list)
    error: Exception | None = None

    def __call__(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        if self.error is not None:
            raise self.error
        self.messages += messages

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(value) for _, value in self.messages]


@dataclass
class Device:
    """Signs records as the page's script does."""

    key_id: str = ""
    number: int = 0

    @cached_property
    def private_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> dict[str, str]:
        numbers = self.private_key.public_key().public_numbers()
        x, y = (
            base64.urlsafe_b64encode(at.to_bytes(32, "big")).decode().rstrip("=")
            for at in (numbers.x, numbers.y)
        )
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    def signature(self, payload: str) -> str:
        r, s = decode_dss_signature(self.private_key.sign(payload.encode(), ec.ECDSA(SHA256())))
        return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()

    def content(self, package: Mapping[str, Any], *, case: int = 0) -> dict[str, Any]:
        """The next record: of a golden case, with the score that the judge gives it."""
        self.number += 1
        golden = package["golden"]
        names = [feature["name"] for feature in package["features"]]
        return {
            "record_id": f"tiny-device-{self.key_id}-{self.number}",
            "key_id": self.key_id,
            "number": self.number,
            "package_id": package["package_id"],
            "device_time": "2026-11-29T12:00:00.000Z",
            "entity": golden["entities"][case],
            "features": dict(zip(names, golden["features"][case], strict=True)),
            **golden["verdicts"][case],
        }

    def signed(self, content: Mapping[str, Any]) -> dict[str, str]:
        """As the service takes it."""
        payload = json.dumps(content)
        return {"payload": payload, "signature": self.signature(payload)}


def tiny_deployed(pointer: ModelPointer) -> Deployed:
    """The tiny model as what is deployed."""
    return Deployed(
        pointer=pointer, model=tiny_model(pointer), thresholds=SCENARIO.policy.thresholds()
    )


def tiny_model(pointer: ModelPointer) -> ScoringModel:
    """The model at `pointer`."""
    return load_artifact(
        Path(pointer.artifact_uri),
        name=pointer.name,
        version=pointer.version,
        sha256=pointer.sha256,
        available_features=SCENARIO.feature_names,
    )


def tiny_devices(
    deployed: Deployed,
    keys: MemoryDeviceKeys,
    topic: Topic,
    *,
    now: Callable[[], datetime] = lambda: ISSUED,
    refresh_seconds: float = REFRESH_SECONDS,
) -> Devices:
    """The devices of the tiny scenario, without a platform."""
    return Devices(
        packages=Packages(SCENARIO, lambda: deployed),
        sync=RecordSync(scenario=SCENARIO, recall=lambda pointer: deployed.model, publish=topic),
        keys=keys.opened,
        refresh_seconds=refresh_seconds,
        now=now,
    )
