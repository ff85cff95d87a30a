"""Who was erased, without saying who: so that late events and replays do not bring them back.

An erasure is stored twice, as a file beside the archive and in the control table, where the
stream's workers look. It names entities by a keyed hash: who does not know the installation's salt
cannot try out ids. For each of them one rule holds: an event counts again if it stands at or after
the erasure's offset of its partition and is dated after the erasure; every other one stays away,
whoever reads it.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zlib import crc32

import msgspec

from stores.delta.files import HadoopFiles
from stores.hbase.connection import Session
from stores.hbase.stamps import stamp
from stores.hbase.tables import CONTROL

FOLDER = "erasures"
_NEWEST = b"c:erasures"
_ERASURE = b"c:erasure"


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure.

    marks           keyed hashes of the erased ids, see `mark_of`
    begun_at        UTC, ISO 8601; events dated before it are the erased ones
    epoch, first_offsets   partition → first offset in this epoch whose event counts again; None
                    while the erasure has not come so far: no event of these entities counts then
    label_ends, outcome_ends, device_record_ends   the same for topics of labels, outcomes and
                    records of devices
    finished_at     UTC, ISO 8601; empty while places are left to work through
    """

    id: str
    salt: str
    marks: tuple[str, ...]
    reason: str
    begun_at: str
    epoch: int = 0
    first_offsets: Mapping[int, int] | None = None
    label_ends: Mapping[int, int] | None = None
    outcome_ends: Mapping[int, int] | None = None
    device_record_ends: Mapping[int, int] | None = None
    finished_at: str = ""

    @property
    def begun_at_ms(self) -> int:
        """`begun_at` as UTC epoch milliseconds."""
        return round(datetime.fromisoformat(self.begun_at).timestamp() * 1000)

    @property
    def unfinished_sentence(self) -> str:
        """For people, as long as places are left."""
        return (
            f"the erasure of {len(self.marks)} entities begun {self.begun_at} is not finished: run "
            "erase_from_memory again with the same ids"
        )

    def first_stamp(self, partition: int) -> int:
        """The first position stamp in `partition` whose event counts again."""
        if self.first_offsets is None:
            return 1 << 63  # after every stamp
        return stamp(self.epoch, self.first_offsets.get(partition, 0))

    def covers(self, *, partition: int, position: int, event_ms: int) -> bool:
        """Whether the event at stamp `position`, dated `event_ms`, is one of the erased."""
        return position < self.first_stamp(partition) or event_ms < self.begun_at_ms


def mark_of(entity: str, salt: str) -> str:
    """What an erasure stores instead of an id: a CRC to look up quickly, a SHA-256 to be sure."""
    return f"{_quick_mark(entity, salt):08x}{sha256_of(entity, salt)}"


def sha256_of(entity: str, salt: str) -> str:
    """SHA-256 over salt and id, hexadecimal; Spark's sha2(concat(salt, id), 256) is the same."""
    return hashlib.sha256((salt + entity).encode()).hexdigest()


def _quick_mark(entity: str, salt: str) -> int:
    return crc32(entity.encode(), crc32(salt.encode()))


@dataclass(frozen=True)
class ErasedEntities:
    """The entities of `erasures`, oldest first; looking one up costs less than a microsecond."""

    erasures: tuple[Erasure, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.erasures)

    def of(self, entity: str) -> Erasure | None:
        """The newest erasure of `entity`, or None."""
        for salt, quick in self._quick.items():
            if _quick_mark(entity, salt) in quick:
                erasure = self._by_mark.get(mark_of(entity, salt))
                if erasure is not None:
                    return erasure
        return None

    def among(self, entities: Iterable[str]) -> dict[str, Erasure]:
        """Those of `entities` that were ever erased, with their newest erasure."""
        erasures = {entity: self.of(entity) for entity in entities} if self else {}
        return {entity: erasure for entity, erasure in erasures.items() if erasure is not None}

    @property
    def salt(self) -> str:
        """The installation's salt; a new one before the first erasure."""
        return self.erasures[-1].salt if self.erasures else secrets.token_hex(16)

    @property
    def unfinished(self) -> tuple[Erasure, ...]:
        """Erasures that were begun and have not worked through all places."""
        return tuple(erasure for erasure in self.erasures if not erasure.finished_at)

    @cached_property
    def _by_mark(self) -> Mapping[str, Erasure]:
        return {mark: erasure for erasure in self.erasures for mark in erasure.marks}

    @cached_property
    def _quick(self) -> Mapping[str, frozenset[int]]:
        salts = {erasure.salt for erasure in self.erasures}
        return {
            salt: frozenset(
                int(mark[:8], 16)
                for erasure in self.erasures
                if erasure.salt == salt
                for mark in erasure.marks
            )
            for salt in salts
        }


def new_erasure(erased: ErasedEntities, entities: Sequence[str], *, reason: str) -> Erasure:
    """An erasure of `entities` that begins now."""
    salt, now = erased.salt, datetime.now(UTC)
    return Erasure(
        id=f"{now:%Y%m%dT%H%M%S}{now.microsecond:06d}Z",
        salt=salt,
        marks=tuple(mark_of(entity, salt) for entity in entities),
        reason=reason,
        begun_at=now.isoformat(timespec="milliseconds"),
    )


def read_files(files: HadoopFiles, folder: str) -> ErasedEntities:
    """The erasures stored in `folder` beside the archive, oldest first."""
    erasures = []
    for name in files.names(folder):
        text = files.read(f"{folder}/{name}") if name.endswith(".json") else None
        if text is not None:
            erasures.append(msgspec.json.decode(text.encode(), type=Erasure))
    return ErasedEntities(tuple(sorted(erasures, key=lambda erasure: erasure.id)))


def restore(table: "ErasureTable", erased: ErasedEntities) -> int:
    """Write those of `erased` that a lost control table no longer holds; returns how many."""
    in_table = {erasure.id for erasure in table.read().erasures}
    lost_erasures = [erasure for erasure in erased.erasures if erasure.id not in in_table]
    for erasure in lost_erasures:
        table.write(erasure)
    return len(lost_erasures)


def write_file(files: HadoopFiles, folder: str, erasure: Erasure) -> None:
    """Store `erasure` beside the archive, replacing what is stored of it."""
    files.replace(f"{folder}/{erasure.id}.json", msgspec.json.encode(erasure).decode())


@dataclass(frozen=True)
class ErasureTable:
    """The erasures of `scenario` in the control table, one row each."""

    session: Session
    scenario: str

    def newest(self) -> bytes | None:
        """Changes whenever an erasure is written; None before the first."""

        def get(connection: Any) -> Any:
            table = connection.table(CONTROL)
            return table.row(self.scenario.encode(), columns=[_NEWEST]).get(_NEWEST)

        cell: bytes | None = self.session.call(get)
        return cell

    def read(self) -> ErasedEntities:
        """All erasures, oldest first."""

        def scan(connection: Any) -> Any:
            rows = connection.table(CONTROL).scan(row_prefix=self._prefix, columns=[_ERASURE])
            return [cells[_ERASURE] for _, cells in rows]

        cells = self.session.call(scan)
        return ErasedEntities(tuple(msgspec.json.decode(cell, type=Erasure) for cell in cells))

    def write(self, erasure: Erasure) -> None:
        """Store `erasure`: workers know of it at their next look."""
        cell, row = msgspec.json.encode(erasure), self._prefix + erasure.id.encode()
        version = hashlib.sha256(cell).hexdigest().encode()

        def put(connection: Any) -> None:
            table = connection.table(CONTROL)
            table.put(row, {_ERASURE: cell})
            table.put(self.scenario.encode(), {_NEWEST: version})

        self.session.call(put)

    @property
    def _prefix(self) -> bytes:
        return f"{self.scenario}!erasure:".encode()


@dataclass
class ErasuresInUse:
    """The erasures that a worker uses: looked up at most every `reread_seconds`.

    erased_entities: what the last `current` returned, for a caller that must not see another answer
    halfway through
    """

    table: ErasureTable
    reread_seconds: float
    clock: Callable[[], float] = time.monotonic
    erased_entities: ErasedEntities = field(default_factory=ErasedEntities)
    _newest: bytes | None = None
    _read_at: float = float("-inf")

    def current(self) -> ErasedEntities:
        """The erased entities; raises `StoreDown` when HBase stays away."""
        now = self.clock()
        if now - self._read_at >= self.reread_seconds:
            newest = self.table.newest()
            if newest != self._newest:
                self.erased_entities = self.table.read()
            self._newest, self._read_at = newest, now
        return self.erased_entities
