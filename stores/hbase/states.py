"""Reading and writing states and latest rows at position stamps: what makes replays invisible."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from stores.hbase.connection import HBaseStore, Session
from stores.hbase.keys import entity_of, prefix_range, row_key
from stores.hbase.puts import Rows, put_rows
from stores.hbase.stamps import epoch_of, stamp
from stores.hbase.tables import LATEST, MARKER, STATE

_ROWS_PER_SCAN = 2000
# A call of so many rows ends well within the socket's timeout even on a busy store.
_ROWS_PER_CALL = 4000


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What the pass last wrote for a topic partition: proof that the store holds it.

    Counts are of the batch: events that could not be judged (they are among the dead letters; the
    first one's cause is in `unscorable_cause`), events that the champion judged in the challenger's
    place, events that a shadow had as well and how many of them it could not score, events whose
    second entity (a terminal) has no state, and events that left a full window buffer while a
    window still reached them.

    published_upto   before this offset all messages of the partition were on their topics when the
                     batch began; -1: nobody knew, as in micro-batches
    generation       number of the checkpoint that the batch belongs to
    """

    partition: int
    epoch: int
    offset: int
    predictions: int = 0
    suppressed: int = 0
    dead_letters: int = 0
    model_version: str = ""
    load_failure: str = ""
    unscorable: int = 0
    unscorable_cause: str = ""
    challenger_fallbacks: int = 0
    shadow_scored: int = 0
    shadow_failures: int = 0
    unknown_second_entities: int = 0
    dropped_from_windows: int = 0
    published_upto: int = -1
    generation: int = 0
    written_at_ms: int = 0

    @property
    def position(self) -> int:
        """Its stamp: that of the last event of the batch, or the one before the epoch's first."""
        return stamp(self.epoch, 0) + self.offset


@dataclass(frozen=True)
class KeptMarkers:
    """At most `limit` newest markers with their stamps, newest first."""

    limit: int
    markers: list[tuple[int, Marker]]


@dataclass(frozen=True)
class StateTable:
    """The table of one scenario, over a session.

    regions: prefixes of the regions that have markers beside the first one's, see
    `stores.hbase.region_markers`. Rows and marker of a region are lost together or not at all.
    """

    session: Session
    scenario: str
    regions: Sequence[str] = ()

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """For each entity its newest state older than stamp `position`, or None; and the marker.

        Aligned with `entities` by key: HBase leaves missing rows out of its answer. The marker is
        the partition's newest one older than `position`, in the region where that is oldest; None
        when a region has none. It comes in the same call.
        """
        keys = [row_key(entity) for entity in entities]
        markers = self._marker_keys(partition)
        cells = self._read([*keys, *markers], [STATE, MARKER], position)
        marker = _oldest(partition, [cells.get(key, {}).get(MARKER) for key in markers])
        return [cells.get(key, {}).get(STATE) for key in keys], marker

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """For each entity its newest state of all, or None."""
        if not entities:
            return []
        keys = [row_key(entity) for entity in entities]
        cells = self._read(keys, [STATE], None)
        return [cells.get(key, {}).get(STATE) for key in keys]

    def newest_of_prefix(
        self, prefix: int, *, rows_per_page: int = 2 * _ROWS_PER_SCAN
    ) -> Iterator[list[tuple[str, int, bytes]]]:
        """Entity, stamp and newest state of all rows with one of the 256 key prefixes.

        In pages of at most `rows_per_page`, so that a reader holds no more than one.
        """
        start, stop = prefix_range(prefix)
        while True:

            def scan(connection: Any, begin: bytes = start) -> Any:
                rows = connection.table(self.scenario).scan(
                    row_start=begin,
                    row_stop=stop,
                    columns=[STATE],
                    include_timestamp=True,
                    batch_size=_ROWS_PER_SCAN,
                    limit=rows_per_page,
                )
                return [(key, cells[STATE]) for key, cells in rows]

            page: list[tuple[bytes, tuple[bytes, int]]] = self.session.call(scan)
            if page:
                yield [(entity_of(key), at, cell) for key, (cell, at) in page]
            if len(page) < rows_per_page:
                return
            start = page[-1][0] + b"\0"

    def write_latest(self, rows: Sequence[tuple[str, bytes]], *, position: int) -> None:
        """Write latest rows (entity, document) alone, all at stamp `position`; idempotent.

        A cell that a newer event has written stays visible to readers.
        """

        def put_all(connection: Any) -> None:
            batch = connection.table(self.scenario).batch(timestamp=position)
            for entity, document in rows:
                batch.put(row_key(entity), {LATEST: document})
            batch.send()

        self.session.call(put_all)

    def write(
        self,
        entities: Sequence[str],
        states: Sequence[bytes],
        rows: Sequence[bytes | None],
        *,
        position: int,
    ) -> None:
        """Write every entity's state and, where given, its latest row, all at stamp `position`.

        Idempotent: the same call again leaves the same cells.
        """
        columns = Rows(entities, states, rows).by_key()
        for part in columns.parts(_ROWS_PER_CALL):
            self.session.call(partial(put_rows, table=self.scenario, rows=part, position=position))

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """Record in every region that everything of the partition up to `position` is in it.

        One call for all; a process that dies in it leaves regions that end at different batches.
        """
        first, *others = self._marker_keys(marker.partition)
        self.write_cells([(first, msgspec.json.encode(marker))], others, position=position)

    def write_cells(
        self,
        markers: Sequence[tuple[bytes, bytes]],
        regions: Sequence[bytes],
        *,
        position: int,
    ) -> None:
        """Write marker cells at stamp `position`: `markers` by row key, and those of `regions`."""
        text = b"%d" % position

        def put_all(connection: Any) -> None:
            batch = connection.table(self.scenario).batch(timestamp=position)
            for key, cell in [*markers, *((key, text) for key in regions)]:
                batch.put(key, {MARKER: cell})
            batch.send()

        self.session.call(put_all)

    def newest_marker(self, partition: int) -> Marker | None:
        """The partition's newest marker, or None before its first batch."""
        key = marker_key(partition)
        return _marker(self._read([key], [MARKER], None).get(key, {}).get(MARKER))

    def kept_markers(self, partition: int, *, limit: int | None = None) -> KeptMarkers:
        """The partition's newest markers: `limit` of them, or as many as versions of a state.

        One marker and at most one version of a state are written per batch, so from any of these
        on every state's history is whole.
        """

        def get(connection: Any) -> Any:
            table = connection.table(self.scenario)
            families = {name.rstrip(b":"): options for name, options in table.families().items()}
            versions = limit or families[b"s"]["max_versions"]
            key = marker_key(partition)
            return versions, table.cells(key, MARKER, versions=versions, include_timestamp=True)

        versions, cells = self.session.call(get)
        markers = [(at, msgspec.json.decode(cell, type=Marker)) for cell, at in cells]
        return KeptMarkers(versions, markers)

    def region_stamps(self, partition: int, *, limit: int) -> Mapping[str, frozenset[int]]:
        """Prefix of a region → stamps of the newest `limit` markers of the partition in it."""

        def get(connection: Any) -> Any:
            table = connection.table(self.scenario)
            return {
                prefix: frozenset(
                    at
                    for _, at in table.cells(
                        region_marker_key(prefix, partition),
                        MARKER,
                        versions=limit,
                        include_timestamp=True,
                    )
                )
                for prefix in self.regions
            }

        stamps: Mapping[str, frozenset[int]] = self.session.call(get)
        return stamps

    def _marker_keys(self, partition: int) -> list[bytes]:
        others = [region_marker_key(prefix, partition) for prefix in self.regions]
        return [marker_key(partition), *others]

    def _read(
        self, keys: Sequence[bytes], columns: Sequence[bytes], position: int | None
    ) -> dict[bytes, dict[bytes, bytes]]:
        cells: dict[bytes, dict[bytes, bytes]] = {}
        for begin in range(0, len(keys), _ROWS_PER_CALL):
            part = keys[begin : begin + _ROWS_PER_CALL]
            cells.update(self.session.call(partial(self._rows, part, columns, position)))
        return cells

    def _rows(
        self,
        keys: Sequence[bytes],
        columns: Sequence[bytes],
        position: int | None,
        connection: Any,
    ) -> Any:
        return connection.table(self.scenario).rows(keys, columns=columns, timestamp=position)


def _marker(cell: bytes | None) -> Marker | None:
    return None if cell is None else msgspec.json.decode(cell, type=Marker)


def _oldest(partition: int, cells: Sequence[bytes | None]) -> Marker | None:
    """The marker of the region that ends first; the first cell is the whole marker."""
    marker = _marker(cells[0])
    if marker is None or None in cells:
        return None
    end = min([marker.position, *(int(cell) for cell in cells[1:] if cell is not None)])
    if end == marker.position:
        return marker
    epoch = epoch_of(end + 1)  # the stamp before an epoch's first offset may be 0 - 1
    return Marker(partition=partition, epoch=epoch, offset=end - stamp(epoch, 0))


def marker_key(partition: int) -> bytes:
    """Row key of a partition's marker in the first region: sorts before every entity's row."""
    return f"!marker:{partition:06d}".encode()


def region_marker_key(prefix: str, partition: int) -> bytes:
    """Row key of a partition's marker in the region that begins at `prefix`, two hex digits.

    Entities' keys go on with ":", which sorts after "!".
    """
    return f"{prefix}!marker:{partition:06d}".encode()


def newest_cells(store: HBaseStore, scenario: str) -> Mapping[bytes, Mapping[bytes, bytes]]:
    """Row key → newest state and latest row of every entity, all in memory: for comparing."""
    with store.open() as connection:
        return dict(connection.table(scenario).scan(columns=[STATE, LATEST], batch_size=1000))
