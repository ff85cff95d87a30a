"""The expert loop's inner part: typed decoding of a whole batch, one call of the model."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, Protocol

import msgspec
import numpy as np
from confluent_kafka import Message

from bench.peers.model import Model, picked
from bench.peers.windows import FEATURES, Payments

# (entity, document) pairs in the order of the events.
Documents = list[tuple[bytes, bytes]]
StateOf = Callable[[int, str], Payments]


class Payment(msgspec.Struct):
    """The fields of a payment that the features need."""

    type: str
    customer_id: str
    event_time: datetime
    amount_usd: float


class Source(msgspec.Struct):
    """Where an event was read."""

    topic: str
    partition: int
    offset: int


class Document(msgspec.Struct, omit_defaults=True):
    """The row."""

    entity: str
    score: float
    source: Source
    features: list[float] | None = None


class Scoring(Protocol):
    """A workload."""

    def documents(self, messages: Sequence[Message]) -> Documents:
        """The row of each event that is scored."""
        ...


class StatelessScoring:
    """Features are the event's own numbers."""

    def __init__(self, model: Model) -> None:
        self._model = model
        fields = [("customer_id", str), *((name, float) for name in model.features)]
        event: Any = msgspec.defstruct("Event", fields)
        self._decode = msgspec.json.Decoder(event).decode
        self._encode = msgspec.json.Encoder().encode
        self._numbers = attrgetter(*model.features)

    def documents(self, messages: Sequence[Message]) -> Documents:
        """The row of each event."""
        events = [self._decode(message.value()) for message in messages]
        flat = np.fromiter(chain.from_iterable(map(self._numbers, events)), dtype=np.float64)
        scores = self._model.scores(flat.reshape(len(events), -1)).tolist()
        return [
            (message.key(), self._encode(Document(event.customer_id, score, _source(message))))
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
                event.event_time, event.amount_usd
            )
            for event, message in paid
        ]
        scores = self._model.scores(picked(rows, self._columns)).tolist()
        return [
            (message.key(), self._encode(Document(event.customer_id, score, _source(message), row)))
            for (event, message), score, row in zip(paid, scores, rows, strict=True)
        ]


def _source(message: Message) -> Source:
    return Source(message.topic(), message.partition(), message.offset())
