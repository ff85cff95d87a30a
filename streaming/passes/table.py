"""What a pass needs of the table of its states and rows."""

from collections.abc import Sequence
from typing import Protocol

from stores.hbase.states import Marker


class PassTable(Protocol):
    """Reads states below a batch and writes those after it; see stores/hbase/states.py."""

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """For each entity its newest state older than stamp `position`, or None; and the marker."""
        ...

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """For each entity its newest state of all, or None."""
        ...

    def write(
        self,
        entities: Sequence[str],
        states: Sequence[bytes],
        rows: Sequence[bytes | None],
        *,
        position: int,
    ) -> None:
        """Write every entity's state and, where given, its latest row, all at stamp `position`."""
        ...

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """Record that everything of the partition up to `position` is in the store."""
        ...
