"""Where a query goes on: Spark's checkpoint, in generations that each begin at stated offsets.

A generation is a folder `e<epoch>-g<number>` with `start.json`, the offsets it begins at, and
`spark`, the checkpoint. A rewind never edits a checkpoint: it begins the next generation.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from stores.hadoop_files import Files

Offsets = Mapping[int, int]


@dataclass(frozen=True)
class Generation:
    """One checkpoint and the offsets at which it began."""

    folder: str
    number: int
    start: Offsets

    @property
    def checkpoint(self) -> str:
        """Spark's checkpoint folder."""
        return f"{self.folder}/spark"


@dataclass(frozen=True)
class Checkpoints:
    """The generations of one scenario's scoring query in one epoch."""

    files: Files
    root: str
    scenario: str
    epoch: int

    def current(self) -> Generation | None:
        """The newest generation, or None before the first."""
        for number in range(self._newest(), 0, -1):
            text = self.files.read(f"{self._folder(number)}/start.json")
            if text is not None:
                start = {int(partition): at for partition, at in json.loads(text).items()}
                return Generation(self._folder(number), number, start)
        return None

    def begin(self, start: Offsets) -> Generation:
        """A new generation that begins at `start`: partition → offset."""
        number = self._newest() + 1
        folder = self._folder(number)
        self.files.write(f"{folder}/start.json", json.dumps(dict(start)))
        return Generation(folder, number, dict(start))

    def resumes_at(self, generation: Generation, topic: str) -> Offsets:
        """Where Spark goes on: the end of the last batch that it knows to be done.

        As Spark does it: the newest entry of the offset log when it is committed, otherwise the
        entry before it; with asynchronous progress entries may be missing in between.
        """
        entries = self._ids(f"{generation.checkpoint}/offsets")
        committed = set(self._ids(f"{generation.checkpoint}/commits"))
        if entries and entries[-1] not in committed:
            entries.pop()
        if not entries:
            return generation.start
        text = self.files.read(f"{generation.checkpoint}/offsets/{entries[-1]}") or ""
        ends = json.loads(text.splitlines()[-1])[topic]
        return {**generation.start, **{int(partition): at for partition, at in ends.items()}}

    def _ids(self, folder: str) -> list[int]:
        return sorted(int(name) for name in self.files.names(folder) if name.isdigit())

    def _newest(self) -> int:
        prefix = f"e{self.epoch}-g"
        names = self.files.names(f"{self.root}/{self.scenario}")
        return max((int(n.removeprefix(prefix)) for n in names if n.startswith(prefix)), default=0)

    def _folder(self, number: int) -> str:
        return f"{self.root}/{self.scenario}/e{self.epoch}-g{number:04d}"
