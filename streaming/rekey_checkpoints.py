"""Where re-keying goes on: a checkpoint per set of source topics, in numbered generations.

A generation is a folder `g<number>` with `start.json`, the source topics with their ids and the
offsets they begin at, and `spark`, the checkpoint.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from stores.hadoop_files import Files
from streaming.checkpoints import Checkpoints, Generation, Offsets
from streaming.topics import Survey


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
class RekeyCheckpoints:
    """The generations of the re-keying for the second entity `name`."""

    files: Files
    root: str
    name: str

    def current(self) -> RekeyGeneration | None:
        """The newest generation, or None before the first."""
        for number in range(self._newest(), 0, -1):
            text = self.files.read(f"{self._folder(number)}/start.json")
            if text is not None:
                sources = msgspec.json.decode(text, type=dict[str, SourceStart])
                return RekeyGeneration(self._folder(number), number, sources)
        return None

    def to_run(self, found: Mapping[str, Survey]) -> RekeyGeneration:
        """The current generation when it reads the topics as they are, otherwise a new one.

        found: topic → how it is now. In a new generation a topic that is still the same goes on
        where it was, a new or recreated one begins at the first record that is kept.
        """
        current = self.current()
        ids = {topic: survey.identity.topic_id for topic, survey in found.items()}
        if current is not None and ids == {t: s.topic_id for t, s in current.sources.items()}:
            return current
        return self._begin({topic: self._start(topic, found[topic], current) for topic in ids})

    def begin_anew(self, found: Mapping[str, Survey]) -> RekeyGeneration:
        """A new generation that reads all topics from the first record that is kept."""
        return self._begin({topic: self._start(topic, found[topic], None) for topic in found})

    def lost(
        self, generation: RekeyGeneration, found: Mapping[str, Survey]
    ) -> Mapping[str, Mapping[int, tuple[int, int]]]:
        """Topic → partition → [first, end) that was not read and that Kafka no longer holds."""
        lost: dict[str, dict[int, tuple[int, int]]] = {}
        for topic in generation.sources:
            offsets = found[topic].offsets
            for partition, at in self.resumes_at(generation, topic).items():
                held_from = offsets[partition][0] if partition in offsets else at
                if at < held_from:
                    lost.setdefault(topic, {})[partition] = (at, held_from)
        return lost

    def begin_behind(
        self, current: RekeyGeneration, found: Mapping[str, Survey]
    ) -> RekeyGeneration:
        """A new generation that goes on where `current` was, or at the first record kept."""
        sources = {topic: self._start(topic, found[topic], current) for topic in found}
        held = {
            topic: {p: begin for p, (begin, _) in found[topic].offsets.items()} for topic in found
        }
        readable = {
            topic: SourceStart(
                topic_id=source.topic_id,
                offsets={p: max(at, held[topic].get(p, at)) for p, at in source.offsets.items()},
            )
            for topic, source in sources.items()
        }
        return self._begin(readable)

    def resumes_at(self, generation: RekeyGeneration, topic: str) -> Offsets:
        """Where Spark goes on reading `topic`."""
        start = generation.sources[topic].offsets
        spark = Checkpoints(self.files, self.root, self.name, 0)
        return spark.resumes_at(Generation(generation.folder, generation.number, start), topic)

    def _start(self, topic: str, survey: Survey, current: RekeyGeneration | None) -> SourceStart:
        topic_id = survey.identity.topic_id
        offsets = {partition: begin for partition, (begin, _) in survey.offsets.items()}
        known = current.sources.get(topic) if current else None
        if current is not None and known is not None and known.topic_id == topic_id:
            offsets |= self.resumes_at(current, topic)
        return SourceStart(topic_id=topic_id, offsets=offsets)

    def _begin(self, sources: Mapping[str, SourceStart]) -> RekeyGeneration:
        number = self._newest() + 1
        text = msgspec.json.encode(dict(sources)).decode()
        self.files.write(f"{self._folder(number)}/start.json", text)
        return RekeyGeneration(self._folder(number), number, dict(sources))

    def _newest(self) -> int:
        names = self.files.names(f"{self.root}/{self.name}")
        return max((int(n[1:]) for n in names if n[:1] == "g" and n[1:].isdigit()), default=0)

    def _folder(self, number: int) -> str:
        return f"{self.root}/{self.name}/g{number:04d}"
