"""States, markers and models of a pass that is measured without any store."""

from collections.abc import Sequence
from typing import Any

from scenarios.contract.judge import Effort
from stores.hbase.states import Marker
from streaming.scoring.models_in_use import InUse


class MemoryTable:
    """States and marker in memory."""

    def __init__(self) -> None:
        self._cells: dict[str, bytes] = {}
        self._marker: Marker | None = None

    def below(self, entities: Any, *, partition: int, position: int) -> Any:
        """What was written last."""
        return [self._cells.get(entity) for entity in entities], self._marker

    def newest(self, entities: Any) -> Any:
        """What was written last."""
        return [self._cells.get(entity) for entity in entities]

    def write(self, entities: Any, states: Any, rows: Any, *, position: int) -> None:
        """Keep the states; nobody asks for rows."""
        self._cells.update(zip(entities, states, strict=True))

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """Keep the marker."""
        self._marker = marker


class OneModel:
    """What scores, without a store to read it from."""

    failure = ""

    def __init__(self, use: InUse) -> None:
        self._use = use

    def current(self) -> InUse:
        """Always the same."""
        return self._use

    def note(self, efforts: Sequence[Effort]) -> None:
        """Nothing is withdrawn."""
