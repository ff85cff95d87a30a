"""The same consumer loop as someone would write it who has made many of them fast.

Typed decoding, one call of the model per batch, one row per customer and batch, results sent while
the rows are put. Stateless it commits offsets after both: at least once. What its state guarantees
is described in bench/peers/expert_state.py.

Tried, 300,000 stateless events of 50,000 customers on 2 cores that other work used as well (rough,
single runs; own CPU and that of Kafka and HBase, us an event): uniform keys, batches of 1,000:
17 + 23, 4,000: 19 + 24, 10,000: 19 + 25; Zipf 1.1, 1,000: 16 + 13, 4,000: 15 + 9, 10,000:
17 + 13; Zipf, 4,000, lz4: 20 + 21, on a box that was busier still. In a quieter hour 4,000 reached
23.8 and 10,000 17.4 thousand events/s on uniform keys, 4,000 on Zipf 57.5, two processes 27.0.
Much larger batches, on a quiet machine, one process per partition: 4,000 39,687 to 46,747 events/s
on uniform keys, 30,000 53,064 and 64,522, 120,000 81,692 to 100,596, since fewer rows are written;
the suite measures it with 4,000 and with as many as our own stream takes.
Decoding all events in one JSON array, or one by one: both 0.8 us an event. Not tried: putting in a
thread beside the loop; a second process overlaps the waits as well.
"""

import sys
from collections.abc import Sequence
from functools import partial

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from bench.peers.expert_scoring import Scoring, StatefulScoring, StatelessScoring
from bench.peers.expert_state import CHECKPOINT_SECONDS, PartitionState
from bench.peers.model import load_model
from bench.peers.processes import Running, run_in_processes
from bench.peers.rows import Rows, row_key
from bench.peers.settings import PeerSettings, parse_settings
from bench.peers.windows import Payments

_BATCH_ROWS = 4000
_PUT_ROWS = 2000
_CONSUME_SECONDS = 0.02


class Loop:
    """One member of the consumer group."""

    def __init__(self, settings: PeerSettings, index: int) -> None:
        self._settings = settings
        self._states: dict[int, PartitionState] = {}
        self._next_offsets: dict[int, int] = {}
        model = load_model(settings.model)
        self._scoring: Scoring = (
            StatefulScoring(model, self._payments_of)
            if settings.is_stateful
            else StatelessScoring(model)
        )
        self._rows = Rows(settings.hbase_host, settings.hbase_port, settings.table)
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "compression.type": "none",
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "group.id": settings.group,
                # A static member that comes back gets its partitions at once, also after a kill.
                "group.instance.id": f"{settings.group}-{index}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": 6000,
                "queued.max.messages.kbytes": 131072,
            }
        )
        self._consumer.subscribe(
            [settings.topic], on_assign=self._assigned, on_revoke=self._revoked
        )

    def run(self, running: Running) -> None:
        """Score until SIGTERM."""
        batch_rows = self._settings.batch_rows or _BATCH_ROWS
        while running:
            messages = self._consumer.consume(num_messages=batch_rows, timeout=_CONSUME_SECONDS)
            running.consumes()
            if messages:
                _raise_errors(messages)
                self._process(messages)
        self._consumer.close()
        self._rows.close()
        for state in self._states.values():
            state.close()

    def _process(self, messages: Sequence[Message]) -> None:
        documents = self._scoring.documents(messages)
        for key, document in documents:
            self._producer.produce(self._settings.output_topic, document, key)
        # One row per customer: the batch's last document of it.
        newest = [(row_key(key), document) for key, document in dict(documents).items()]
        self._rows.put(newest, batch_rows=_PUT_ROWS)
        self._producer.flush()
        self._advance(messages)

    def _advance(self, messages: Sequence[Message]) -> None:
        ends = {message.partition(): message.offset() + 1 for message in messages}
        if self._settings.is_stateful:
            for partition, end in ends.items():
                self._states[partition].next_offset = end
                self._states[partition].checkpoint(when_due=CHECKPOINT_SECONDS)
        else:
            topic = self._settings.topic
            self._consumer.commit(
                offsets=[TopicPartition(topic, *position) for position in ends.items()],
                asynchronous=True,
            )

    def _payments_of(self, partition: int, customer: str) -> Payments:
        return self._states[partition].payments_of(customer)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not self._settings.is_stateful:
            return
        for partition in partitions:
            state = PartitionState(
                self._settings.state_dir, topic=partition.topic, partition=partition.partition
            )
            self._states[partition.partition] = state
            if state.next_offset is not None:
                partition.offset = state.next_offset
        consumer.assign(partitions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            if state := self._states.pop(partition.partition, None):
                state.close()


def _raise_errors(messages: Sequence[Message]) -> None:
    for message in messages:
        if message.error():
            raise KafkaException(message.error())


def _run(settings: PeerSettings, index: int, running: Running) -> None:
    Loop(settings, index).run(running)


if __name__ == "__main__":
    peer_settings = parse_settings(__doc__)
    sys.exit(run_in_processes(peer_settings.processes, partial(_run, peer_settings)))
