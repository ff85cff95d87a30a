"""Reading and writing states and latest rows at position stamps: what makes replays invisible."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from stores.connection import HBaseStore, Session
from stores.keys import entity_of, prefix_range, row_key
from stores.puts import Rows, put_rows
from stores.tables import LATEST, MARKER, STATE

_ROWS_PER_SCAN = 2000
# A call of so many rows ends well within the socket's timeout even on a busy store.
_ROWS_PER_CALL = 4000


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What the pass last wrote for a topic partition: proof that the store holds it.

    Counts are of the batch: events that could not be judged (they are among the dead letters; the
    first one's cause is in `unscorable_cause`), events that the champion judged in the challenger's
    place, events whose second entity (a terminal) has no state, and events that left a full window
    buffer while a window still reached them.
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
    unknown_second_entities: int = 0
    dropped_from_windows: int = 0
    written_at_ms: int = 0


@dataclass(frozen=True)
class KeptMarkers:
    """At most `limit` newest markers with their stamps, newest first."""

    limit: int
    markers: list[tuple[int, Marker]]


@dataclass(frozen=True)
class StateTable:
    """The table of one scenario, over a session."""

    session: Session
    scenario: str

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """For each entity its newest state older than stamp `position`, or None; and the marker.

        Aligned with `entities` by key: HBase leaves missing rows out of its answer. The marker is
        the partition's newest one older than `position`; it comes in the same call.
        """
        keys = [row_key(entity) for entity in entities]
        found = self._read([*keys, marker_key(partition)], [STATE, MARKER], position)
        marker = found.get(marker_key(partition), {}).get(MARKER)
        return [found.get(key, {}).get(STATE) for key in keys], _marker(marker)

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """For each entity its newest state of all, or None."""
        if not entities:
            return []
        keys = [row_key(entity) for entity in entities]
        found = self._read(keys, [STATE], None)
        return [found.get(key, {}).get(STATE) for key in keys]

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

            found: list[tuple[bytes, tuple[bytes, int]]] = self.session.call(scan)
            if found:
                yield [(entity_of(key), at, cell) for key, (cell, at) in found]
            if len(found) < rows_per_page:
                return
            start = found[-1][0] + b"\0"

    def write_latest(self, rows: Sequence[tuple[str, bytes]], *, position: int) -> None:
        """Write latest rows (entity, document) alone, all at stamp `position`; idempotent.

        A cell that a newer event has written stays the one that readers see.
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
        """Record that everything of the partition up to `position` is in the store."""
        key, cell = marker_key(marker.partition), msgspec.json.encode(marker)

        def put(connection: Any) -> None:
            connection.table(self.scenario).put(key, {MARKER: cell}, timestamp=position)

        self.session.call(put)

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
            families = {name.rstrip(b":"): each for name, each in table.families().items()}
            asked = limit or families[b"s"]["max_versions"]
            key = marker_key(partition)
            return asked, table.cells(key, MARKER, versions=asked, include_timestamp=True)

        asked, cells = self.session.call(get)
        found = [(at, msgspec.json.decode(cell, type=Marker)) for cell, at in cells]
        return KeptMarkers(asked, found)

    def _read(
        self, keys: Sequence[bytes], columns: Sequence[bytes], position: int | None
    ) -> dict[bytes, dict[bytes, bytes]]:
        found: dict[bytes, dict[bytes, bytes]] = {}
        for begin in range(0, len(keys), _ROWS_PER_CALL):
            part = keys[begin : begin + _ROWS_PER_CALL]
            found.update(self.session.call(partial(self._rows, part, columns, position)))
        return found

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


def marker_key(partition: int) -> bytes:
    """Row key of a partition's marker: sorts before every entity's row."""
    return f"!marker:{partition:06d}".encode()


def newest_cells(store: HBaseStore, scenario: str) -> Mapping[bytes, Mapping[bytes, bytes]]:
    """Row key → newest state and latest row of every entity, all in memory: for comparing."""
    with store.open() as connection:
        return dict(connection.table(scenario).scan(columns=[STATE, LATEST], batch_size=1000))
