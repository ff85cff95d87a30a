"""What became of every record: read back from the topics, counted by position."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from proofs.hostile.kinds import SCORED, UNREADABLE, Kind, Route
from proofs.hostile.load import Sent

_AT_ONCE, _TIMEOUT_SECONDS = 10_000, 30.0
_SOURCE = re.compile(rb'"source":\{[^}]*"partition":(\d+),"offset":(\d+)')
_NONE, _PREDICTION, _SUPPRESSED, _FIRST_REASON = 0, 1, 2, 3
_MOST_EXAMPLES = 5

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]


@dataclass
class Outcomes:
    """By partition and offset of the events topic.

    readable      whether a consumer of committed records gets a record there
    dispositions  code of the disposition: none, prediction, suppressed, or a reason
    """

    readable: dict[int, Flags]
    dispositions: dict[int, Codes]
    reasons: list[str] = field(default_factory=list)
    repeated: int = 0
    contradictory: list[tuple[int, int]] = field(default_factory=list)
    beyond: int = 0

    def name(self, code: int) -> str:
        """A disposition for people."""
        names = ("none", SCORED, "suppressed")
        return names[code] if code < _FIRST_REASON else self.reasons[code - _FIRST_REASON]

    def of(self, sent: Sent) -> str:
        """What became of one record."""
        if not self.readable[sent.partition][sent.offset]:
            return UNREADABLE
        return self.name(int(self.dispositions[sent.partition][sent.offset]))

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Readable records without a disposition."""
        return list(self._places(lambda readable, codes: readable & (codes == _NONE)))

    @property
    def surplus(self) -> list[tuple[int, int]]:
        """Dispositions of positions where no record can be read."""
        return list(self._places(lambda readable, codes: ~readable & (codes != _NONE)))

    def counts(self) -> Counter[str]:
        """Disposition → records."""
        totals: Counter[str] = Counter()
        for partition, codes in self.dispositions.items():
            values, numbers = np.unique(codes[self.readable[partition]], return_counts=True)
            for code, number in zip(values.tolist(), numbers.tolist(), strict=True):
                totals[self.name(code)] += number
        return totals

    def add(self, partition: int, offset: int, disposition: str) -> None:
        """Note one message about a position."""
        codes = self.dispositions.get(partition)
        if codes is None or offset >= len(codes):
            self.beyond += 1
            return
        code = self._code(disposition)
        if codes[offset] == _NONE:
            codes[offset] = code
        elif codes[offset] == code:
            self.repeated += 1
        else:
            self.contradictory.append((partition, offset))

    def _code(self, disposition: str) -> int:
        if disposition == SCORED:
            return _PREDICTION
        if disposition == "suppressed":
            return _SUPPRESSED
        if disposition not in self.reasons:
            self.reasons.append(disposition)
        return _FIRST_REASON + self.reasons.index(disposition)

    def _places(self, condition: Any) -> Iterator[tuple[int, int]]:
        for partition, readable in self.readable.items():
            for offset in np.flatnonzero(condition(readable, self.dispositions[partition])):
                yield partition, int(offset)


def outcomes_of(servers: str, scenario: str) -> Outcomes:
    """Read the topics of `scenario` from beginning to end; independent of the stream's own code."""
    ends = _ends(servers, f"{scenario}.events")
    readable = {partition: np.zeros(end, dtype=np.bool_) for partition, end in ends.items()}
    for message in _messages(servers, f"{scenario}.events"):
        readable[message.partition()][message.offset()] = True
    dispositions = {partition: np.zeros(end, dtype=np.uint8) for partition, end in ends.items()}
    outcomes = Outcomes(readable, dispositions)
    for message in _messages(servers, f"{scenario}.predictions"):
        value = message.value()
        source = _SOURCE.search(value)
        assert source is not None, value[:300]
        is_suppressed = value.startswith(b'{"suppressed"')
        outcomes.add(int(source[1]), int(source[2]), "suppressed" if is_suppressed else SCORED)
    for message in _messages(servers, f"{scenario}.dead-letter"):
        headers = dict(message.headers())
        place = int(headers["source_partition"]), int(headers["source_offset"])
        outcomes.add(*place, headers["reason_code"].decode())
    return outcomes


@dataclass(frozen=True)
class KindResult:
    """How many records of a kind were sent, how many were right, and what they became."""

    kind: Kind
    sent: int
    right: int
    dispositions: Mapping[str, int]
    wrong: Sequence[tuple[Sent, str]]


def results_by_kind(
    kinds: Iterable[Kind], sent: Sequence[Sent], outcomes: Outcomes
) -> list[KindResult]:
    """One result per kind, in the order of `kinds`."""
    of_kind: dict[str, list[Sent]] = {}
    for record in sent:
        of_kind.setdefault(record.kind.name, []).append(record)
    results = []
    for kind in kinds:
        dispositions: Counter[str] = Counter()
        wrong: list[tuple[Sent, str]] = []
        for record in of_kind.get(kind.name, []):
            disposition = outcomes.of(record)
            dispositions[disposition] += 1
            if disposition != _expected(record):
                wrong.append((record, disposition))
        right = dispositions.total() - len(wrong)
        results.append(
            KindResult(kind, dispositions.total(), right, dispositions, wrong[:_MOST_EXAMPLES])
        )
    return results


def _expected(sent: Sent) -> str:
    """The kind's disposition; by another partitioner some records reach their own partition."""
    if sent.kind.route is Route.OTHER_PARTITIONER and sent.home == sent.partition:
        return SCORED
    return sent.kind.disposition


def topic_ends(client: Consumer, topic: str) -> dict[int, int]:
    """Partition → offset of the next record."""
    partitions = client.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic].partitions
    return {
        partition: client.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=_TIMEOUT_SECONDS
        )[1]
        for partition in partitions
    }


def new_consumer(servers: str) -> Consumer:
    """A consumer of committed records that belongs to no group."""
    return Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "unused",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.message.max.bytes": 32 << 20,
            "receive.message.max.bytes": 1 << 30,
        }
    )


def _ends(servers: str, topic: str) -> dict[int, int]:
    client = new_consumer(servers)
    try:
        return topic_ends(client, topic)
    finally:
        client.close()


def _messages(servers: str, topic: str) -> Iterator[Any]:
    """All committed records of `topic` up to its ends as they are now."""
    client = new_consumer(servers)
    try:
        left = set(topic_ends(client, topic))
        client.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in left])
        while left:
            for message in client.consume(_AT_ONCE, timeout=1.0):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        client.close()
