"""Whether a data folder is new, half-written, good or damaged, and what to do about it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from local.errors import DamagedData
from reports.files import write_text

_MARKER = ".initialized"


class Condition(StrEnum):
    """The condition of a data folder."""

    NEW = "new"
    HALF_WRITTEN = "half-written"
    GOOD = "good"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class DataFolder:
    """The data of one service. `find_damage` names what is missing or corrupt, else None."""

    service: str
    path: Path
    find_damage: Callable[[Path], str | None]

    def condition(self) -> Condition:
        """Only a folder that answered a call once can hold acknowledged data: it has a marker."""
        if not self.path.exists() or not any(self.path.iterdir()):
            return Condition.NEW
        if not (self.path / _MARKER).exists():
            return Condition.HALF_WRITTEN
        return Condition.GOOD if self.find_damage(self.path) is None else Condition.DAMAGED

    def make_usable(self, *, tell: Callable[[str], None]) -> Condition:
        """Recreate a half-written folder, refuse a damaged one; returns the condition before."""
        condition = self.condition()
        if condition is Condition.DAMAGED:
            raise DamagedData(
                f"the data of {self.service} in {self.path} is damaged: "
                f"{self.find_damage(self.path)}. Nothing was erased. Put the file back from a "
                "copy, or erase the local data and start again with `make reset`"
            )
        if condition is Condition.HALF_WRITTEN:
            tell(
                f"{self.service}: its first start in {self.path} never finished, so the folder "
                "holds no acknowledged data; it is created again"
            )
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        return condition

    def mark_initialized(self) -> None:
        """To be called after the first working call: from now on the folder is precious."""
        marker = self.path / _MARKER
        if not marker.exists():
            write_text(marker, "this service answered: its data must not be erased\n")
