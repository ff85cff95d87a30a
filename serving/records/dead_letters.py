"""The newest refused events of a scenario, read from the dead-letter topic; bounded in each way."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pyarrow as pa

from features.events import reasons
from scenarios.contract.scenario import Scenario
from serving.records.spans import records_in
from stores.kafka.cluster import KafkaCluster
from stores.records.erasures import ErasedEntities
from streaming.archive.erased import ErasedRecords

MOST_LETTERS = 500
# Many operators with the page open are one reading of the topic.
_REREAD_SECONDS = 3.0
_BEGINNING_BYTES = 300
_SCHEMA = pa.schema(
    [
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("epoch", pa.int64()),
        ("absent", pa.string()),
    ]
)

Header = tuple[str, bytes]
# key, value and headers of a message
Message = tuple[bytes | None, bytes | None, Sequence[Header]]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One refused event: why, where it stands on the events topic, and how it begins.

    key, beginning   texts, cut; empty where there is none, or where its entity was erased
    can_replay       whether an event of this reason is ever published again
    """

    reason_code: str
    reason: str
    partition: int
    offset: int
    epoch: int
    arrived_ms: int
    value_bytes: int | None
    key: str
    beginning: str
    can_replay: bool


@dataclass(frozen=True, kw_only=True)
class NewestLetters:
    """The newest dead letters, newest first, each refused event once.

    is_all   whether the topic holds no others
    """

    letters: Sequence[Letter]
    is_all: bool

    @property
    def by_reason(self) -> Mapping[str, int]:
        """Reason code → how many, most frequent first."""
        return dict(Counter(letter.reason_code for letter in self.letters).most_common())


@dataclass
class DeadLetters:
    """The dead letters of one scenario; threads may share it.

    read     the newest messages, oldest first, and whether the topic holds no others
    erased   who was erased: their texts are not shown
    """

    scenario: Scenario
    read: Callable[[], tuple[Sequence[Message], bool]]
    erased: Callable[[], ErasedEntities]
    clock: Callable[[], float] = time.monotonic
    _newest: NewestLetters | None = None
    _read_at: float = float("-inf")
    _turn: Lock = field(default_factory=Lock, repr=False)

    def newest(self) -> NewestLetters:
        """At most a few seconds old. Raises `KafkaDown`, `TopicMissing`, `StoreDown`."""
        with self._turn:
            if self._newest is None or self.clock() - self._read_at > _REREAD_SECONDS:
                messages, is_all = self.read()
                letters = self._letters(messages)
                self._newest = NewestLetters(letters=letters, is_all=is_all)
                self._read_at = self.clock()
            return self._newest

    def _letters(self, messages: Sequence[Message]) -> list[Letter]:
        rows = [_row(message) for message in messages]
        batch = pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)
        ids = (self.scenario.schema.entity_field, "entity")
        (shown,) = ErasedRecords("dead-letter", self.erased(), ids)(iter([batch]))
        letters: dict[tuple[int, int, int], Letter] = {}
        for message, row in zip(messages, shown.to_pylist(), strict=True):
            letter = _letter(message, row)
            if letter is not None:
                letters[letter.epoch, letter.partition, letter.offset] = letter
        return sorted(
            letters.values(),
            key=lambda letter: (letter.arrived_ms, letter.partition, letter.offset),
            reverse=True,
        )


def _row(message: Message) -> dict[str, Any]:
    key, value, headers = message
    texts = dict(headers)
    return {
        "key": key,
        "value": value,
        "headers": [{"key": name, "value": text} for name, text in headers],
        "partition": _number(texts, "source_partition") or 0,
        "offset": _number(texts, "source_offset") or 0,
        "epoch": _number(texts, "source_epoch") or 0,
        "absent": None,
    }


def _letter(message: Message, row: Mapping[str, Any]) -> Letter | None:
    """The letter; None for a message that is none of ours."""
    texts = dict(message[2])
    partition, offset = _number(texts, "source_partition"), _number(texts, "source_offset")
    if partition is None or offset is None or "reason_code" not in texts:
        return None
    code = _text(texts["reason_code"])
    is_erased = row["absent"] is not None
    return Letter(
        reason_code=code,
        reason="its entity was erased" if is_erased else _text(texts.get("reason")),
        partition=partition,
        offset=offset,
        epoch=_number(texts, "source_epoch") or 0,
        arrived_ms=_number(texts, "source_timestamp_ms") or 0,
        value_bytes=_number(texts, "value_bytes"),
        key=_text(row["key"]),
        beginning=_text(row["value"]),
        can_replay=not is_erased and code not in reasons.NOT_REPLAYABLE,
    )


def _number(texts: Mapping[str, bytes], name: str) -> int | None:
    text = texts.get(name) or b""
    return int(text) if text.isdigit() and len(text) < 19 else None


def _text(raw: bytes | None) -> str:
    return (raw or b"")[:_BEGINNING_BYTES].decode(errors="replace")


def newest_messages(
    kafka: KafkaCluster, topic: str, *, most: int = MOST_LETTERS
) -> tuple[list[Message], bool]:
    """The newest messages of `topic`, at most `most`, and whether it holds no others.

    Ends early after some seconds or megabytes. Raises `KafkaDown` or `TopicMissing`.
    """
    offsets = kafka.offsets(topic)
    share = max(most // max(len(offsets), 1), 1)
    spans = {
        partition: (max(first, end - share), end) for partition, (first, end) in offsets.items()
    }
    is_all = all(end - first <= share for first, end in offsets.values())
    records, is_whole = records_in(kafka, topic, spans)
    return [(record.key, record.value, record.headers) for record in records], is_all and is_whole
