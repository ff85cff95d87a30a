"""Signing keys of devices that score offline, and which of their records were taken.

A row per key in the control table: one cell holds the key and what was deployed when it was issued,
one cell per record the digest of what was signed. A cell of a record is written by compare-and-set
before the record is published, so that of two records with one number only one can be taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from stores.hbase.compare_and_set import compare_and_set
from stores.hbase.connection import Session
from stores.hbase.tables import CONTROL
from stores.records.deployments import ModelPointer

_KEY = b"c:key"
_MOST_CONFLICTS = 5

Claim = Literal["new", "unpublished", "published", "another"]


class DeviceKeyChanged(RuntimeError):
    """Other processes changed a device's key all the time; nothing was written."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class DeviceKey:
    """One key: who may sign with it, and by what the device's results are recomputed.

    id          16 hex digits
    caller      to whom it was issued
    public_key  a point of P-256 as a JSON Web Key: kty, crv, x, y
    package_id  of the package that the device scores with
    champion, thresholds, policy_version   what that package holds
    issued_at_ms, revoked_at_ms   UTC epoch milliseconds; 0: it is not revoked
    """

    scenario: str
    id: str
    caller: str
    public_key: Mapping[str, str]
    package_id: str
    champion: ModelPointer
    thresholds: Mapping[str, float]
    policy_version: str
    issued_at_ms: int
    revoked_at_ms: int = 0
    revoked_by: str = ""


@dataclass(frozen=True)
class DeviceKeyTable:
    """The keys of `scenario` in the control table."""

    session: Session
    scenario: str

    def add(self, key: DeviceKey) -> None:
        """Store a new key; idempotent."""
        cell = {_KEY: msgspec.json.encode(key)}

        def put(connection: Any) -> None:
            connection.table(CONTROL).put(self._row(key.id), cell)

        self.session.call(put)

    def read(self, key_id: str) -> DeviceKey | None:
        """The key `key_id`, or None."""
        cell = self._cells(key_id, [_KEY]).get(_KEY)
        return None if cell is None else msgspec.json.decode(cell, type=DeviceKey)

    def revoke(self, key_id: str, *, caller: str, now_ms: int) -> DeviceKey | None:
        """No record signed with it is taken from now on; None: there is no such key. Idempotent."""
        for _ in range(_MOST_CONFLICTS):
            before = self.read(key_id)
            if before is None or before.revoked_at_ms:
                return before
            after = replace(before, revoked_at_ms=now_ms, revoked_by=caller)
            swapped = compare_and_set(
                self.session,
                CONTROL,
                self._row(key_id),
                _KEY,
                before=msgspec.json.encode(before),
                after=msgspec.json.encode(after),
            )
            if swapped:
                return after
        raise DeviceKeyChanged(f"key {key_id} of {self.scenario} changes all the time: try again")

    def claims(self, key_id: str, digests: Mapping[int, str]) -> Mapping[int, Claim]:
        """Number → what is stored of the record with that number, beside its digest."""
        cells = self._cells(key_id, [_column(number) for number in digests])
        return {
            number: _claim(cells.get(_column(number)), digest) for number, digest in digests.items()
        }

    def claim(self, key_id: str, number: int, digest: str) -> Claim:
        """Take the record `number`: "new" for the first one, else what stands there."""
        is_written = compare_and_set(
            self.session,
            CONTROL,
            self._row(key_id),
            _column(number),
            before=None,
            after=_unpublished(digest),
        )
        return "new" if is_written else self.claims(key_id, {number: digest})[number]

    def mark_published(self, key_id: str, digests: Mapping[int, str]) -> None:
        """The records of these numbers are in Kafka; idempotent."""
        cells = {_column(number): digest.encode() for number, digest in digests.items()}

        def put(connection: Any) -> None:
            connection.table(CONTROL).put(self._row(key_id), cells)

        if cells:
            self.session.call(put)

    def _cells(self, key_id: str, columns: Sequence[bytes]) -> Mapping[bytes, bytes]:
        if not columns:
            return {}  # HBase would return the whole row

        def get(connection: Any) -> Any:
            return connection.table(CONTROL).row(self._row(key_id), columns=list(columns))

        cells: Mapping[bytes, bytes] = self.session.call(get)
        return cells

    def _row(self, key_id: str) -> bytes:
        return f"{self.scenario}!device:{key_id}".encode()


def _column(number: int) -> bytes:
    return f"c:r{number:012d}".encode()


def _unpublished(digest: str) -> bytes:
    return f"{digest} unpublished".encode()


def _claim(cell: bytes | None, digest: str) -> Claim:
    if cell is None:
        return "new"
    if cell == digest.encode():
        return "published"
    return "unpublished" if cell == _unpublished(digest) else "another"
