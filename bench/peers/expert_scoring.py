"""The expert loop's inner part: typed decoding of a whole batch, one call of the model."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, Protocol

import msgspec
import numpy as np
from confluent_kafka import Message

from bench.peers.model import Model, picked
from bench.peers.prediction import HIGH_FROM, Position, prediction
from bench.peers.windows import FEATURES, Payments

# (entity, document) pairs in the order of the events.
Documents = list[tuple[bytes, bytes]]
StateOf = Callable[[int, str], Payments]


class Payment(msgspec.Struct):
    """The fields of a payment that the features need."""

    type: str
    customer_id: str
    event_time: str
    amount_usd: float


class Scoring(Protocol):
    """A workload."""

    def documents(self, messages: Sequence[Message]) -> Documents:
        """The row of each event that is scored."""
        ...


class StatelessScoring:
    """Features are the event's own numbers."""

    def __init__(self, model: Model) -> None:
        self._model = model
        texts = [("customer_id", str), ("event_time", str)]
        fields = [*texts, *((name, float) for name in model.features)]
        event: Any = msgspec.defstruct("Event", fields)
        self._decode = msgspec.json.Decoder(event).decode
        self._numbers = attrgetter(*model.features)

    def documents(self, messages: Sequence[Message]) -> Documents:
        """The row of each event."""
        events = [self._decode(message.value()) for message in messages]
        flat = np.fromiter(chain.from_iterable(map(self._numbers, events)), dtype=np.float64)
        scores = self._model.scores(flat.reshape(len(events), -1)).tolist()
        return [
            (message.key(), _document(event, score, message))
            for event, score, message in zip(events, scores, messages, strict=True)
        ]


class StatefulScoring:
    """Features come from the customer's payments, which `state_of(partition, customer)` holds."""

    def __init__(self, model: Model, state_of: StateOf) -> None:
        self._model = model
        self._state_of = state_of
        self._columns = model.columns_of(FEATURES)
        self._decode = msgspec.json.Decoder(Payment).decode
        self._encode = msgspec.json.Encoder().encode

    def documents(self, messages: Sequence[Message]) -> Documents:
        """The row of each payment."""
        events = [(self._decode(message.value()), message) for message in messages]
        paid = [(event, message) for event, message in events if event.type == "payment"]
        if not paid:
            return []
        rows = [
            self._state_of(message.partition(), event.customer_id).with_payment(
                datetime.fromisoformat(event.event_time), event.amount_usd
            )
            for event, message in paid
        ]
        scores = self._model.scores(picked(rows, self._columns)).tolist()
        return [
            (
                message.key(),
                _document(event, score, message, f',"features":{self._encode(row).decode()}'),
            )
            for (event, message), score, row in zip(paid, scores, rows, strict=True)
        ]


def _document(event: Any, score: float, message: Message, tail: str = "") -> bytes:
    """The row as `bench.peers.prediction` has it, put together as text; `tail` before its end."""
    arrived, valid_until = _times(message.timestamp()[1])
    partition, offset = message.partition(), message.offset()
    band, action = ("high", "call") if score >= HIGH_FROM else ("low", "none")
    return (
        f'{{"prediction_id":"peer-1-{partition}-{offset}-v1","entity":"{event.customer_id}",'
        f'"score":{score!r},"band":"{band}","reasons":[],"action":"{action}","review":false,'
        f'"control_group":false,"scored_at":"{arrived}","event_time":"{event.event_time}",'
        f'"features_as_of":"{event.event_time}","valid_until":"{valid_until}",'
        f'"model":{{"name":"peer","version":"1"}},"source":{{"topic":"{message.topic()}",'
        f'"partition":{partition},"offset":{offset}}}{tail}}}'
    ).encode()


@lru_cache(maxsize=1000)
def _times(arrived_ms: int) -> tuple[str, str]:
    """Time of arrival, and until when the row holds; many events arrive in one millisecond."""
    written = prediction("", 0.0, "", Position("", 0, 0, arrived_ms))
    return written["scored_at"], written["valid_until"]
