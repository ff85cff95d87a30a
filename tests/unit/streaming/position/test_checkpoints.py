"""Where a stream goes on, read from Spark's own checkpoint files."""

import json
from dataclasses import dataclass, field

from streaming.position.checkpoints import Checkpoints, Generation, SavedPlace

EVENTS = "tiny.events"


@dataclass
class MemoryFiles:
    """Files in a dictionary, with the calls of `HadoopFiles`."""

    texts: dict[str, str] = field(default_factory=dict)

    def names(self, folder: str) -> list[str]:
        inside = [p.removeprefix(folder + "/") for p in self.texts if p.startswith(folder + "/")]
        return sorted({path.split("/")[0] for path in inside})

    def read(self, file: str) -> str | None:
        return self.texts.get(file)

    def write(self, file: str, text: str) -> None:
        self.texts[file] = text


def checkpoints(files: MemoryFiles, *, epoch: int = 1) -> Checkpoints:
    return Checkpoints(files, "/root", "tiny", epoch)


def log_batch(
    files: MemoryFiles, generation: Generation, number: int, ends: dict[str, int]
) -> None:
    """An entry of Spark's offset log, as Spark writes it."""
    text = "\n".join(["v1", json.dumps({"batchWatermarkMs": 0}), json.dumps({"tiny.events": ends})])
    files.write(f"{generation.checkpoint}/offsets/{number}", text)
    files.write(f"{generation.checkpoint}/metadata", '{"id":"a1"}')
    files.write(f"{generation.checkpoint}/sources/0/0", '\0v1\n{"tiny.events":{"0":0,"1":0}}')


def test_before_the_first_start_there_is_no_generation() -> None:
    assert checkpoints(MemoryFiles()).place(EVENTS) == SavedPlace(None, {})


def test_a_generation_that_saved_no_progress_begins_where_it_was_to_begin() -> None:
    stream_checkpoints = checkpoints(MemoryFiles())
    generation = stream_checkpoints.begin({0: 100, 1: 7})
    assert stream_checkpoints.place(EVENTS) == SavedPlace(generation, {0: 100, 1: 7})


def test_it_goes_on_after_the_last_batch_that_is_committed() -> None:
    files = MemoryFiles()
    stream_checkpoints = checkpoints(files)
    generation = stream_checkpoints.begin({0: 0, 1: 0})
    log_batch(files, generation, 0, {"0": 10, "1": 12})
    log_batch(files, generation, 5, {"0": 60, "1": 50})  # 1 to 4 were never saved
    files.write(f"{generation.checkpoint}/commits/0", "v1\n{}")
    assert stream_checkpoints.place(EVENTS) == SavedPlace(generation, {0: 10, 1: 12})
    files.write(f"{generation.checkpoint}/commits/5", "v1\n{}")
    assert stream_checkpoints.place(EVENTS) == SavedPlace(generation, {0: 60, 1: 50})


def test_a_rewind_begins_the_next_generation_and_leaves_the_old_one_alone() -> None:
    files = MemoryFiles()
    stream_checkpoints = checkpoints(files)
    first = stream_checkpoints.begin({0: 0})
    second = stream_checkpoints.begin({0: 40})
    assert (first.number, second.number) == (1, 2)
    assert stream_checkpoints.place(EVENTS).generation == second
    assert files.read(f"{first.folder}/start.json") == '{"0": 0}'


def test_epochs_have_generations_of_their_own() -> None:
    files = MemoryFiles()
    checkpoints(files, epoch=1).begin({0: 5})
    assert checkpoints(files, epoch=2).place(EVENTS).generation is None
    assert checkpoints(files, epoch=2).begin({0: 0}).number == 1
