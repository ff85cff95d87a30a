"""Where a query goes on: Spark's checkpoint, in generations that each begin at stated offsets.

A generation is a folder `e<epoch>-g<number>` with `start.json`, the offsets it begins at, and
`spark`, the checkpoint. A rewind never edits a checkpoint: it begins the next generation. One of
real-time mode has a file `real-time` as well, and no other mode goes on in it; one that began with
a replay, or goes on with it, has a file `replay`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from stores.delta.files import FileDamaged, Files
from streaming.position.spark_checkpoint import saved_progress

Offsets = Mapping[int, int]
_REAL_TIME, _REPLAY = "real-time", "replay"


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
class SavedPlace:
    """Where a query was, as far as its files can be read.

    generation   the newest one of which anything can be read; None: nothing, or nothing ever began
    offsets      partition → where the last batch that is known to be done ends
    damage       what cannot be read, in words; empty when `generation` may go on
    is_real_time whether `generation` is one of real-time mode
    is_replay    whether it began with a replay, or goes on with one
    """

    generation: Generation | None
    offsets: Offsets
    damage: tuple[str, ...] = ()
    is_real_time: bool = False
    is_replay: bool = False


@dataclass(frozen=True)
class Checkpoints:
    """The generations of one scenario's scoring query in one epoch."""

    files: Files
    root: str
    scenario: str
    epoch: int

    def place(self, topic: str) -> SavedPlace:
        """Where the query goes on reading `topic`: the newest place that can be read.

        A generation of which nothing can be read gives way to the one before it, which ends
        earlier. Nothing is changed.
        """
        damage: list[str] = []
        for number in reversed(self._numbers()):
            name = f"e{self.epoch}-g{number:04d}"
            start, why = self._start(number)
            damage += [f"{name}/start.json: {why}"] if why else []
            generation = Generation(self._folder(number), number, start or {})
            progress = saved_progress(self.files, generation.checkpoint)
            damage += [f"{name}/spark/{problem}" for problem in progress.damage]
            ends = (progress.ends or {}).get(topic)
            if start is not None or ends is not None:
                offsets = {**(start or {}), **(ends or {})}
                names = self.files.names(generation.folder)
                kind = (_REAL_TIME in names, _REPLAY in names)
                return SavedPlace(generation, offsets, tuple(damage), *kind)
        return SavedPlace(None, {}, tuple(damage))

    def newest_epoch(self) -> int:
        """The newest epoch that has a generation, whichever epoch this is of; 0 without any."""
        names = self.files.names(f"{self.root}/{self.scenario}")
        epochs = [name[1:].partition("-g")[0] for name in names if name.startswith("e")]
        return max((int(epoch) for epoch in epochs if epoch.isdecimal()), default=0)

    def begin(
        self, start: Offsets, *, is_real_time: bool = False, is_replay: bool = False
    ) -> Generation:
        """A new generation that begins at `start`: partition → offset."""
        number = max(self._numbers(), default=0) + 1
        folder = self._folder(number)
        for name, is_so in ((_REAL_TIME, is_real_time), (_REPLAY, is_replay)):
            if is_so:
                self.files.write(f"{folder}/{name}", "")
        self.files.write(f"{folder}/start.json", json.dumps(dict(start)))
        return Generation(folder, number, dict(start))

    def _start(self, number: int) -> tuple[Offsets | None, str]:
        """Where a generation began, or None and why that cannot be read."""
        try:
            text = self.files.read(f"{self._folder(number)}/start.json")
            if text is None:
                return None, "it is missing"
            return {int(partition): int(at) for partition, at in json.loads(text).items()}, ""
        except (FileDamaged, ValueError, TypeError, AttributeError) as error:
            return None, f"{type(error).__name__}: {error}"

    def _numbers(self) -> list[int]:
        prefix = f"e{self.epoch}-g"
        names = self.files.names(f"{self.root}/{self.scenario}")
        numbers = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        return sorted(int(number) for number in numbers if number.isdecimal())

    def _folder(self, number: int) -> str:
        return f"{self.root}/{self.scenario}/e{self.epoch}-g{number:04d}"
