"""The peak memory of one batch of customers with full windows, measured in a separate process.

python -m tests.support.full_windows CUSTOMERS STATE_BYTES prints one JSON object.
"""

import gc
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from features.events.decode import EventDecoder, Records
from features.fold.fold import distinct, fold
from scenarios.contract.keyed import keyed_entity
from stores.hbase.connection import HBaseStore
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.position.fence import EpochFence
from streaming.second_entity.feature_pass import FeaturePass
from tests.scenarios.shops import SCENARIO, SHOP

KEYED = keyed_entity(SCENARIO, SHOP)
ARRIVED_MS = 1_800_000_000_000
WINDOW_EVENTS = 600  # more than a window holds


class NoFence(EpochFence):
    """A pass that nobody will fence."""

    def __init__(self) -> None:
        pass

    def check(self) -> None:
        """No newer epoch has begun."""


def peak_kib() -> int:
    """The largest resident size of this process since its peak was cleared, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@dataclass
class SameState:
    """A table in which every shop has had the same events; it holds one cell and digests."""

    cell: bytes
    marker: Marker
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    stored: int = 0

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """The one cell for each, in memory of its own as bytes from a socket are."""
        return [bytes(bytearray(self.cell)) for _ in entities], self.marker

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """Nobody asks for a shop that is not known."""
        return [None for _ in entities]

    def write(
        self, entities: Sequence[str], states: Sequence[bytes], rows: object, *, position: int
    ) -> None:
        """Digest what would be stored."""
        for entity, state in zip(entities, states, strict=True):
            self.digest.update(entity.encode() + state)
            self.stored += len(state)

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """The next part begins there."""
        self.marker = marker


def events(shops: Sequence[int], *, first: int) -> Records:
    """A payment at each of `shops`, a second apart."""
    values: list[bytes | None] = [
        b'{"type":"payment","shop_id":"%d","event_time":"2026-01-01T%02d:%02d:%02dZ",'
        b'"payment_id":%d,"amount_eur":12.34}' % (shop, at // 3600 % 24, at // 60 % 60, at % 60, at)
        for at, shop in enumerate(shops, start=first)
    ]
    keys: list[bytes | None] = [b"%d" % shop for shop in shops]
    offsets = np.arange(first, first + len(shops))
    return Records(keys, values, offsets, np.full(len(shops), ARRIVED_MS))


def full_state() -> bytes:
    """The state of a shop whose window is full."""
    decoder = EventDecoder(KEYED.schema, max_event_bytes=10_000, max_future_skew_seconds=300)
    decoded = decoder.decode(events([0] * WINDOW_EVENTS, first=0))
    assert decoded.refusals == []
    states = KEYED.codec.empty(1)
    rows, stamps = distinct(decoded.entities).rows, np.arange(WINDOW_EVENTS) + stamp(1, 0)
    fold(KEYED.plan, states, decoded, entity_rows=rows, stamps=stamps, partition=0)
    return KEYED.codec.encode(states)[0]


def main(customers: int, state_bytes: int) -> None:
    """Fold one more payment at each of `customers` shops."""
    cell = full_state()
    marker = Marker(partition=0, epoch=1, offset=WINDOW_EVENTS - 1)
    settings = PassSettings(
        scenario=KEYED.name,
        module="tests.scenarios.shops",
        store=HBaseStore("nowhere", 1),
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=0,
        state_bytes=state_bytes,
    )
    # A first, small batch compiles and imports what the second needs, too.
    warm = FeaturePass(settings, KEYED, SameState(cell, marker), NoFence())
    warm.process(Batch(events(range(10), first=WINDOW_EVENTS), 0))
    table = SameState(cell, marker)
    batch = Batch(events(range(customers), first=WINDOW_EVENTS), 0)
    gc.collect()
    # Compiling has had a peak of its own, which is not to hide the one that is measured.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_kib()
    FeaturePass(settings, KEYED, table, NoFence()).process(batch)
    after = peak_kib()
    print(
        json.dumps(
            {
                "stored": table.stored,
                "grown": (after - before) * 1024,
                "digest": table.digest.hexdigest(),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
