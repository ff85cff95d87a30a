"""The consumer loop that most people would write with confluent-kafka.

Consume a batch, decode it with json, score it, put every event's row, publish every result,
commit the offsets: at least once. The stateful workload holds its state in a dictionary only, so a
kill loses it: the loop goes on at the committed offset and every customer starts from nothing. A
partition that moves to another process of the group loses its customers' states, too.

Tried, 300,000 stateless events of 50,000 customers on 2 cores that other work used as well (rough,
single runs): batches of 500, 1,000, 4,000 took 36, 37, 36 us of its own CPU an event and reached
8.6, 7.8, 8.1 thousand events/s; in a quieter hour 1,000 reached 14.2 and 4,000 12.8 thousand. Not
measured: the 20 ms after which a batch that is not full is taken; it bounds the wait at low rates.
"""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer

from bench.peers.model import Model, load_model, picked
from bench.peers.prediction import Position, prediction
from bench.peers.processes import Running, run_in_processes
from bench.peers.rows import Rows, row_key
from bench.peers.settings import PeerSettings, parse_settings
from bench.peers.windows import FEATURES, Payments

_BATCH_ROWS = 1000
_PUT_ROWS = 1000
_CONSUME_SECONDS = 0.02

Document = dict[str, Any]


class Scoring:
    """Turns messages into documents; remembers payments for as long as it lives."""

    def __init__(self, model: Model, settings: PeerSettings) -> None:
        self._model = model
        self._is_stateful = settings.is_stateful
        self._columns = model.columns_of(FEATURES)
        self._payments: dict[str, Payments] = {}

    def documents(self, messages: Sequence[Message]) -> list[Document]:
        """One document per event that is scored."""
        if self._is_stateful:
            return self._of_payments(messages)
        events = [json.loads(message.value()) for message in messages]
        rows = [[event[name] for name in self._model.features] for event in events]
        scores = self._model.scores(rows)
        return [
            _document(event, score, message)
            for event, score, message in zip(events, scores, messages, strict=True)
        ]

    def _of_payments(self, messages: Sequence[Message]) -> list[Document]:
        events, rows = [], []
        for message in messages:
            event = json.loads(message.value())
            if event["type"] != "payment":
                continue
            customer = event["customer_id"]
            payments = self._payments.setdefault(customer, Payments())
            at = datetime.fromisoformat(event["event_time"])
            rows.append(payments.with_payment(at, event["amount_usd"]))
            events.append((event, message))
        scores = self._model.scores(picked(rows, self._columns)) if rows else ()
        return [
            {**_document(event, score, message), "features": row}
            for (event, message), score, row in zip(events, scores, rows, strict=True)
        ]


def run(settings: PeerSettings, index: int, running: Running) -> None:
    """Score the topic until SIGTERM, as one member of the consumer group."""
    scoring = Scoring(load_model(settings.model), settings)
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": settings.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
        }
    )
    consumer.subscribe([settings.topic])
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    batch_rows = settings.batch_rows or _BATCH_ROWS
    with Rows(settings.hbase_host, settings.hbase_port, settings.table) as rows:
        while running:
            messages = consumer.consume(num_messages=batch_rows, timeout=_CONSUME_SECONDS)
            running.consumes()
            if messages:
                _raise_errors(messages)
                _write(scoring.documents(messages), rows, producer, settings.output_topic)
                consumer.commit(asynchronous=False)
    consumer.close()


def _write(documents: list[Document], rows: Rows, producer: Producer, topic: str) -> None:
    """Put and publish all of `documents`; returns when both have acknowledged them."""
    encoded = [
        (document["entity"].encode(), json.dumps(document).encode()) for document in documents
    ]
    rows.put([(row_key(entity), value) for entity, value in encoded], batch_rows=_PUT_ROWS)
    for entity, value in encoded:
        producer.produce(topic, value, entity)
        producer.poll(0)
    producer.flush()


def _document(event: dict[str, Any], score: float, message: Message) -> Document:
    _, arrived_ms = message.timestamp()
    at = Position(message.topic(), message.partition(), message.offset(), arrived_ms)
    return prediction(event["customer_id"], float(score), event["event_time"], at)


def _raise_errors(messages: Sequence[Message]) -> None:
    for message in messages:
        if message.error():
            raise KafkaException(message.error())


if __name__ == "__main__":
    settings = parse_settings(__doc__)
    sys.exit(run_in_processes(settings.processes, partial(run, settings)))
