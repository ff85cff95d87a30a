"""What devices ask of the web service: package, graph, a key to sign with, and taking records."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from scenarios.contract.policy import PolicyError
from serving.access.roles import Allowed, Principal, Role
from serving.device.package import Deployed, Package, Packages
from serving.device.payload import MOST_PAYLOAD_BYTES, MOST_RECORDS
from serving.device.signatures import NoPublicKey, public_jwk
from serving.device.sync import Disposition, Keys, RecordSync
from serving.problems import unknown_scenario
from stores.records.device_keys import DeviceKey

# Who scores on a device.
DEVICE_ROLES = (Role.AGENT, Role.REVIEWER)

DeviceCaller = Annotated[Principal, Depends(Allowed(*DEVICE_ROLES))]


class KeyTable(Keys, Protocol):
    """The part of `stores.records.device_keys.DeviceKeyTable` that the routes need."""

    def add(self, key: DeviceKey) -> None:
        """Store a new key."""
        ...

    def revoke(self, key_id: str, *, caller: str, now_ms: int) -> DeviceKey | None:
        """Take no more records of it."""
        ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """The devices of one scenario.

    keys             opens the table of keys, for one request
    refresh_seconds  how long a device scores without asking again
    """

    packages: Packages
    sync: RecordSync
    keys: Callable[[], AbstractContextManager[KeyTable]]
    refresh_seconds: float
    now: Callable[[], datetime] = field(default=_utc_now)


class KeyRequest(BaseModel):
    """A public key made on the device, for the package that it scores with."""

    model_config = ConfigDict(extra="forbid")

    package_id: str = Field(max_length=64)
    public_key: dict[str, Any] = Field(max_length=16, description="a JSON Web Key of P-256")


class SignedText(BaseModel):
    """A record as the device has signed it."""

    model_config = ConfigDict(extra="forbid")

    payload: str = Field(max_length=MOST_PAYLOAD_BYTES, description="the signed JSON, as text")
    signature: str = Field(max_length=128, description="r and s in base64")


class RecordsRequest(BaseModel):
    """Records of one device."""

    model_config = ConfigDict(extra="forbid")

    records: list[SignedText] = Field(min_length=1, max_length=MOST_RECORDS)


def router(devices: Mapping[str, Devices]) -> APIRouter:
    """The operations below `/v1/{scenario}/device`."""
    routes = APIRouter(prefix="/v1/{scenario}/device", tags=["device"])

    @routes.get("/package", summary="What a device needs to score alone")
    def package(scenario: str, caller: DeviceCaller) -> Response:
        of_scenario = devices_of(devices, scenario)
        current = current_package(of_scenario)
        issued_at_ms = _ms(of_scenario.now())
        document = {
            **current.content,
            "package_id": current.id,
            "issued_at_ms": issued_at_ms,
            "refresh_by_ms": issued_at_ms + round(of_scenario.refresh_seconds * 1000),
            "graph_url": f"/v1/{scenario}/device/graphs/{current.graph_sha256}",
        }
        return Response(
            msgspec.json.encode(document),
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    @routes.get(
        "/graphs/{sha256}",
        summary="The version as an ONNX graph",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    def graph(scenario: str, sha256: str, caller: DeviceCaller) -> Response:
        current = current_package(devices_of(devices, scenario))
        if sha256 != current.graph_sha256:
            raise HTTPException(
                404, f"no package has this graph; the current one has {current.graph_sha256}"
            )
        return Response(
            current.graph,
            media_type="application/octet-stream",
            headers={"Cache-Control": "private, max-age=31536000, immutable"},
        )

    @routes.post("/keys", status_code=201, summary="A key whose records will be taken")
    def add_key(scenario: str, caller: DeviceCaller, request: KeyRequest) -> dict[str, Any]:
        of_scenario = devices_of(devices, scenario)
        current = current_package(of_scenario)
        if request.package_id != current.id:
            raise HTTPException(
                409, f"package {request.package_id!r} is not the current one: get {current.id}"
            )
        try:
            public_key = public_jwk(request.public_key)
        except NoPublicKey as error:
            raise HTTPException(422, str(error)) from None
        key = new_key(
            current.deployed,
            scenario=scenario,
            policy_version=of_scenario.packages.scenario.policy.version,
            package_id=current.id,
            public_key=public_key,
            caller=caller.name,
            now=of_scenario.now(),
        )
        with of_scenario.keys() as keys:
            keys.add(key)
        return {"key_id": key.id, "package_id": key.package_id, "issued_at_ms": key.issued_at_ms}

    @routes.delete("/keys/{key_id}", summary="Take no more records that this key has signed")
    def revoke_key(
        scenario: str,
        key_id: str,
        caller: Annotated[Principal, Depends(Allowed(Role.OPERATOR))],
    ) -> dict[str, Any]:
        of_scenario = devices_of(devices, scenario)
        now_ms = _ms(of_scenario.now())
        with of_scenario.keys() as keys:
            key = keys.revoke(key_id, caller=caller.name, now_ms=now_ms)
        if key is None:
            raise HTTPException(404, f"{scenario} has issued no key of this id")
        return {
            "key_id": key.id,
            "caller": key.caller,
            "revoked_at_ms": key.revoked_at_ms,
            "revoked_by": key.revoked_by,
        }

    @routes.post("/records", summary="What was scored offline, signed")
    def take_records(
        scenario: str, caller: DeviceCaller, request: RecordsRequest
    ) -> dict[str, Sequence[dict[str, Any]]]:
        of_scenario = devices_of(devices, scenario)
        records = [(record.payload, record.signature) for record in request.records]
        with of_scenario.keys() as keys:
            dispositions = of_scenario.sync.take(
                records, keys, caller=caller.name, now=of_scenario.now()
            )
        return {"dispositions": [_document(one) for one in dispositions]}

    @routes.get("/counts", summary="Records by what became of them, since the service started")
    def counts(
        scenario: str,
        caller: Annotated[Principal, Depends(Allowed(Role.OPERATOR, Role.SCIENTIST, Role.AUDITOR))],
    ) -> dict[str, Mapping[str, int]]:
        return {"records": devices_of(devices, scenario).sync.counts.all()}

    return routes


def devices_of(devices: Mapping[str, Devices], scenario: str) -> Devices:
    """Those of `scenario`; answers 404 with the names that there are."""
    if scenario not in devices:
        raise unknown_scenario(scenario, devices)
    return devices[scenario]


def current_package(devices: Devices) -> Package:
    """The package of what is deployed; answers 409 when no device can score with that."""
    try:
        return devices.packages.current()
    except PolicyError as error:  # of the deployment, not of the request
        raise HTTPException(409, str(error)) from error


def new_key(
    deployed: Deployed,
    *,
    scenario: str,
    policy_version: str,
    package_id: str,
    public_key: Mapping[str, str],
    caller: str,
    now: datetime,
) -> DeviceKey:
    """A key for `caller`, with all by which the records that it signs are recomputed."""
    return DeviceKey(
        scenario=scenario,
        id=secrets.token_hex(8),
        caller=caller,
        public_key=public_key,
        package_id=package_id,
        champion=deployed.pointer,
        thresholds=deployed.thresholds,
        policy_version=policy_version,
        issued_at_ms=_ms(now),
    )


def _document(disposition: Disposition) -> dict[str, Any]:
    document: dict[str, Any] = {
        "record_id": disposition.record_id,
        "outcome": disposition.outcome,
    }
    if disposition.reason is not None:
        document |= {"reason": disposition.reason, "sentence": disposition.sentence}
    return document


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
