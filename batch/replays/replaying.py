"""Refused events published again, each once, under the right key and in the right partition.

The value's bytes stay the same, and with them the event's own time. What today's rules would refuse
again is not published: it is counted under the reason that it would get.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from batch.replays.ledger import HEADER, Position, header_text
from features.byte_column import ByteColumn
from features.events import reasons
from features.events.decode import EventDecoder, Records
from features.events.partitioners import Layout, home_partitions
from features.schema import EventSchema
from stores.hbase.stamps import stamp
from stores.kafka.errors import KafkaDown
from stores.kafka.producer import send
from stores.records.erasures import ErasedEntities

# Why a dead letter is not published again, besides the reason codes of today's rules.
FOLDED, CUT, DIFFERS = "already folded", "original not found", "original differs from its digest"
_FLUSH_SECONDS = 60.0
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One refused event as its dead letter shows it; `value` may be cut, see `is_whole`."""

    position: Position
    key: bytes | None
    value: bytes | None
    reason_code: str
    value_bytes: int | None = None
    value_sha256: str | None = None
    home: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether `value` is all of the refused event."""
        return self.value is None or self.value_bytes in (None, len(self.value))


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A record to publish; partition None: wherever the client's partitioner puts the key."""

    position: Position
    key: bytes
    value: bytes
    partition: int | None


@dataclass
class ReplayPlan:
    """What a run would do: counts by reason code of the dead letters."""

    replays: list[Replay] = field(default_factory=list)
    publishable: Counter[str] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    def leave_out(self, letter: DeadLetter, why: str) -> None:
        """Count `letter` as one that is not published."""
        self.left_out[letter.reason_code, why] += 1


@dataclass(frozen=True)
class Corrector:
    """Gives dead letters the key and the partition that they should have had.

    layout: of the events topic in the present epoch; fetch: the whole value of the event at a
    position, None when nobody has it any longer; erased: who is not brought back.
    """

    schema: EventSchema
    decoder: EventDecoder
    layout: Layout
    fetch: Callable[[Position], bytes | None]
    erased: ErasedEntities = field(default_factory=ErasedEntities)
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def plan(self, letters: Iterable[DeadLetter]) -> ReplayPlan:
        """Sort `letters` into what is published again and what is not."""
        plan = ReplayPlan()
        for part in _parts(letters, _AT_ONCE):
            whole_letters = (self._whole(letter, plan) for letter in part)
            self._judge([letter for letter in whole_letters if letter], plan)
        return plan

    def _whole(self, letter: DeadLetter, plan: ReplayPlan) -> DeadLetter | None:
        """`letter` with its whole value; None when it is left out."""
        if letter.reason_code in reasons.NOT_REPLAYABLE:
            is_erased = letter.reason_code == reasons.ERASED
            plan.leave_out(letter, reasons.ERASED if is_erased else FOLDED)
            return None
        value = letter.value if letter.is_whole else self.fetch(letter.position)
        if value is None and letter.value is not None:
            plan.leave_out(letter, CUT)
            return None
        digest = letter.value_sha256
        if value is not None and digest and hashlib.sha256(value).hexdigest() != digest:
            plan.leave_out(letter, DIFFERS)
            return None
        return DeadLetter(
            position=letter.position,
            key=self._key(letter.key, letter.reason_code, value),
            value=value,
            reason_code=letter.reason_code,
            home=letter.home,
        )

    def _key(self, key: bytes | None, code: str, value: bytes | None) -> bytes | None:
        """The id in the value where the key was wrong, else the key."""
        if key is not None and code != reasons.KEY_MISMATCH:
            return key
        try:
            entity = json.loads(value or b"")[self.schema.entity_field]
            return entity.encode() if isinstance(entity, str) else key
        except (ValueError, KeyError, TypeError, RecursionError):
            return key

    def _judge(self, letters: Sequence[DeadLetter], plan: ReplayPlan) -> None:
        """By the rules for an event that arrived now."""
        count = len(letters)
        keys = ByteColumn.of([letter.key for letter in letters])
        records = Records(
            keys=keys,
            values=ByteColumn.of([letter.value for letter in letters]),
            offsets=np.arange(count, dtype=np.int64),
            timestamps_ms=np.full(count, self.now_ms(), dtype=np.int64),
        )
        events = self.decoder.decode(records)
        for refusal in events.refusals:
            plan.leave_out(letters[refusal.row], refusal.code)
        layout = self.layout
        homes = (
            home_partitions(keys, layout.partitioner, layout.partitions).tolist()
            if layout.is_computed
            else [_seen_home(letter) for letter in letters]
        )
        for at, row in enumerate(events.rows.tolist()):
            letter = letters[row]
            if self._is_erased(letter, events.entities[at], int(events.times_ms[at])):
                plan.leave_out(letter, reasons.ERASED)
                continue
            plan.publishable[letter.reason_code] += 1
            plan.replays.append(
                Replay(
                    position=letter.position,
                    key=letter.key or b"",
                    value=letter.value or b"",
                    partition=homes[row],
                )
            )

    def _is_erased(self, letter: DeadLetter, entity: str, event_ms: int) -> bool:
        """Whether the stream would refuse it, since its entity was erased after it."""
        erasure = self.erased.of(entity) if self.erased else None
        if erasure is None:
            return False
        epoch, partition, offset = letter.position
        position = stamp(epoch, offset)
        return erasure.covers(partition=partition, position=position, event_ms=event_ms)


def _seen_home(letter: DeadLetter) -> int | None:
    """Where no partitioner gives the home: the recorded one, or where the key was sent before."""
    if letter.home is not None:
        return letter.home
    corrected = letter.reason_code in (reasons.NULL_KEY, reasons.KEY_MISMATCH)
    return None if corrected else letter.position[1]


def publish_replays(
    replays: Sequence[Replay],
    producer: Any,
    *,
    topic: str,
    on_sent: Callable[[], None],
    check: Callable[[], None],
) -> dict[Position, tuple[int, int]]:
    """Send all through a kafka-python `producer`; position → where Kafka says that it lies now.

    What is not in the answer may have arrived or not: the next run looks for it. `check` is called
    now and then, and may raise. Raises `KafkaDown`.
    """
    from kafka.errors import KafkaError

    sent: list[tuple[Position, Any]] = []
    try:
        for number, replay in enumerate(replays):
            if number % _AT_ONCE == 0:
                check()
            header = (HEADER, header_text(topic, replay.position).encode())
            future = send(
                producer,
                topic,
                key=replay.key,
                value=replay.value,
                partition=replay.partition,
                headers=[header],
            )
            sent.append((replay.position, future))
            on_sent()
        producer.flush(timeout=_FLUSH_SECONDS)
    except KafkaError as error:
        raise KafkaDown(
            f"Kafka stopped taking records ({type(error).__name__}: {error}): run the same command "
            "again, it looks for what has arrived"
        ) from error
    done = [(position, future.value) for position, future in sent if future.succeeded()]
    return {position: (value.partition, value.offset) for position, value in done}


def arrived(
    headers: Iterable[tuple[str, int, int]], positions: Sequence[Position], *, topic: str
) -> Mapping[Position, tuple[int, int] | None]:
    """Position → where it was published again, None where it was not.

    headers: of the events topic (value of `HEADER`, partition, offset).
    """
    places = {text: (partition, offset) for text, partition, offset in headers}
    return {position: places.get(header_text(topic, position)) for position in positions}


def _parts(letters: Iterable[DeadLetter], size: int) -> Iterator[list[DeadLetter]]:
    part: list[DeadLetter] = []
    for letter in letters:
        part.append(letter)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
