"""A scenario's table that takes states that were just written from memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stores.hbase.states import Marker
from streaming.passes.settings import PassSettings
from streaming.passes.table import PassTable
from streaming.recent.states import Lane, SharedMemory


@dataclass
class RememberedTable:
    """Answers as `StateTable` does; states in the partition's lane are not read from HBase."""

    table: PassTable
    settings: PassSettings
    memory: SharedMemory
    _lanes: dict[int, Lane] = field(default_factory=dict)
    _begin: int = -1
    _written: tuple[Sequence[str], Sequence[bytes]] = ((), ())

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """For each entity its newest state older than stamp `position`, or None; and the marker."""
        recent = self._lane(partition).find(entities, before=position)
        cells = recent.cells
        unknown = [row for row, cell in enumerate(cells) if cell is None]
        read, marker = self.table.below(
            [entities[row] for row in unknown], partition=partition, position=position
        )
        self._begin = marker.position if marker else -1
        if recent.count and self._begin != recent.position:
            # The store does not hold what was written: only the store counts.
            return self.table.below(entities, partition=partition, position=position)
        for row, cell in zip(unknown, read, strict=True):
            cells[row] = cell
        return cells, marker

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """For each entity its newest state of all in the store, or None."""
        return self.table.newest(entities)

    def write(
        self,
        entities: Sequence[str],
        states: Sequence[bytes],
        rows: Sequence[bytes | None],
        *,
        position: int,
    ) -> None:
        """Write states and rows as `StateTable` does; they are remembered with the marker."""
        self.table.write(entities, states, rows, position=position)
        self._written = (entities, states)

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """Write the marker; from then on the states before it are remembered."""
        self.table.write_marker(marker, position=position)
        self._lane(marker.partition).keep(*self._written, begin=self._begin, position=position)

    def _lane(self, partition: int) -> Lane:
        if partition not in self._lanes:
            partitions = sorted({*self.settings.first_offsets, partition})
            self._lanes[partition] = Lane(
                self.memory,
                f"{partition} of {self.settings!r}",
                number=partitions.index(partition),
                lanes=len(partitions),
            )
        return self._lanes[partition]
