"""Where re-keying goes on: a checkpoint per set of source topics, in numbered generations.

A generation is a folder `g<number>` with `start.json`, the source topics with their ids and the
offsets they begin at, and `spark`, the checkpoint.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stores.delta.files import FileDamaged, Files
from stores.kafka.cluster import Survey
from streaming.position.spark_checkpoint import Offsets, saved_progress


class SourceStart(msgspec.Struct, frozen=True, kw_only=True):
    """A source topic's id, and the offsets at which a generation reads it."""

    topic_id: str
    offsets: dict[int, int]


@dataclass(frozen=True)
class RekeyGeneration:
    """One checkpoint and the sources it began with, by topic."""

    folder: str
    number: int
    sources: Mapping[str, SourceStart]

    @property
    def checkpoint(self) -> str:
        """Spark's checkpoint folder."""
        return f"{self.folder}/spark"

    @property
    def starting_offsets(self) -> str:
        """As Spark's Kafka source takes them."""
        starts = {
            topic: {str(partition): at for partition, at in source.offsets.items()}
            for topic, source in self.sources.items()
        }
        return json.dumps(starts)


@dataclass(frozen=True)
class SavedRekeying:
    """The newest generation of which anything can be read, and where its query was.

    resumes   topic → partition → where the last batch that is known to be done ends
    damage    what cannot be read, in words; empty when the generation may go on
    """

    generation: RekeyGeneration
    resumes: Mapping[str, Offsets]
    damage: Sequence[str]


@dataclass(frozen=True)
class RekeyCheckpoints:
    """The generations of the re-keying for the second entity `name`; `log` reports damage."""

    files: Files
    root: str
    name: str
    log: Callable[[str], None]

    def to_run(self, surveys: Mapping[str, Survey]) -> RekeyGeneration:
        """The current generation when it reads the topics as they are, otherwise a new one.

        surveys: topic → how it is now. In a new generation a topic that is still the same goes on
        where it was, a new or recreated one begins at the first retained record. What cannot be
        read of the checkpoint counts as absent; records that are re-keyed again because of that
        count once in windows, as after a crash.
        """
        saved = self.saved()
        ids = {topic: survey.identity.topic_id for topic, survey in surveys.items()}
        if saved is not None:
            read = {topic: source.topic_id for topic, source in saved.generation.sources.items()}
            if ids == read and not saved.damage:
                return saved.generation
        if saved is not None and saved.damage:
            self.log(f"checkpoint cannot be read ({'; '.join(saved.damage)}): a new one begins")
        return self._begin({topic: _start(topic, surveys[topic], saved) for topic in ids})

    def begin_again(self, surveys: Mapping[str, Survey]) -> RekeyGeneration:
        """A new generation that reads all topics from their first retained records."""
        return self._begin({topic: _start(topic, surveys[topic], None) for topic in surveys})

    def lost(
        self, generation: RekeyGeneration, surveys: Mapping[str, Survey]
    ) -> Mapping[str, Mapping[int, tuple[int, int]]]:
        """Topic → partition → [first, end) that was not read and that Kafka no longer holds."""
        saved = self.saved()
        resumes = saved.resumes if saved else {t: s.offsets for t, s in generation.sources.items()}
        lost: dict[str, dict[int, tuple[int, int]]] = {}
        for topic in generation.sources:
            offsets = surveys[topic].offsets
            for partition, at in resumes[topic].items():
                held_from = offsets[partition][0] if partition in offsets else at
                if at < held_from:
                    lost.setdefault(topic, {})[partition] = (at, held_from)
        return lost

    def begin_behind(self, surveys: Mapping[str, Survey]) -> RekeyGeneration:
        """A new generation that goes on where the newest was, or at the first retained record."""
        saved = self.saved()
        sources = {topic: _start(topic, survey, saved) for topic, survey in surveys.items()}
        held = {
            topic: {p: begin for p, (begin, _) in survey.offsets.items()}
            for topic, survey in surveys.items()
        }
        readable = {
            topic: SourceStart(
                topic_id=source.topic_id,
                offsets={p: max(at, held[topic].get(p, at)) for p, at in source.offsets.items()},
            )
            for topic, source in sources.items()
        }
        return self._begin(readable)

    def saved(self) -> SavedRekeying | None:
        """Where the query was, as far as its files can be read; None when nothing can."""
        damage: list[str] = []
        for number in reversed(self._numbers()):
            generation, why = self._generation(number)
            damage += [f"g{number:04d}/start.json: {why}"] if why else []
            if generation is None:
                continue
            progress = saved_progress(self.files, generation.checkpoint)
            damage += [f"g{number:04d}/spark/{problem}" for problem in progress.damage]
            resumes = {
                topic: {**source.offsets, **(progress.ends or {}).get(topic, {})}
                for topic, source in generation.sources.items()
            }
            return SavedRekeying(generation, resumes, damage)
        return None

    def _generation(self, number: int) -> tuple[RekeyGeneration | None, str]:
        try:
            text = self.files.read(f"{self._folder(number)}/start.json")
            if text is None:
                return None, "it is missing"
            sources = msgspec.json.decode(text, type=dict[str, SourceStart])
        except (FileDamaged, msgspec.MsgspecError) as error:
            return None, f"{type(error).__name__}: {error}"
        return RekeyGeneration(self._folder(number), number, sources), ""

    def _begin(self, sources: Mapping[str, SourceStart]) -> RekeyGeneration:
        number = max(self._numbers(), default=0) + 1
        text = msgspec.json.encode(dict(sources)).decode()
        self.files.write(f"{self._folder(number)}/start.json", text)
        return RekeyGeneration(self._folder(number), number, dict(sources))

    def _numbers(self) -> list[int]:
        names = self.files.names(f"{self.root}/{self.name}")
        return sorted(int(name[1:]) for name in names if name[:1] == "g" and name[1:].isdecimal())

    def _folder(self, number: int) -> str:
        return f"{self.root}/{self.name}/g{number:04d}"


def _start(topic: str, survey: Survey, saved: SavedRekeying | None) -> SourceStart:
    topic_id = survey.identity.topic_id
    offsets = {partition: begin for partition, (begin, _) in survey.offsets.items()}
    before = saved.generation.sources.get(topic) if saved else None
    if saved is not None and before is not None and before.topic_id == topic_id:
        offsets |= saved.resumes[topic]
    return SourceStart(topic_id=topic_id, offsets=offsets)
