"""The plain consumer loop that people would write: poll, score, write to HBase, publish, repeat.

It does the same job with the same functions and the same store, without Spark: no restarts, no
checkpoint, one process. It is the latency that the stream is measured against.
"""

import signal
from typing import Any

import numpy as np
import typer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from features.events.decode import Records
from stores.hbase.connection import HBaseStore
from stores.kafka.committed import COMMITTED_CLIENT
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.scoring.worker import pass_for


def run(
    bootstrap_servers: str = typer.Option(...),
    hbase_host: str = typer.Option(...),
    hbase_port: int = typer.Option(...),
    namespace: str = typer.Option(...),
    scenario: str = typer.Option(...),
    module: str = typer.Option(...),
    batch_rows: int = typer.Option(4000),
) -> None:
    """Score S.events from its beginning until SIGTERM."""
    topic = f"{scenario}.events"
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        max_poll_records=batch_rows,
        **COMMITTED_CLIENT,
    )
    partitions = [
        TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)
    ]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    settings = PassSettings(
        scenario=scenario,
        module=module,
        store=HBaseStore(hbase_host, hbase_port, namespace),
        epoch=1,
        first_offsets={
            partition.partition: consumer.position(partition) for partition in partitions
        },
        max_event_bytes=1 << 20,
        max_future_skew_seconds=300,
        retry_seconds=30,
    )
    _loop(consumer, KafkaProducer(bootstrap_servers=bootstrap_servers), settings)


def _loop(consumer: Any, producer: Any, settings: PassSettings) -> None:
    scoring = pass_for(settings)
    scoring.prepare()
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    print("loop is ready", flush=True)
    while not stopped:
        for partition, records in consumer.poll(timeout_ms=100).items():
            messages = scoring.process(_batch(partition.partition, records))
            for topic, key, value, headers in zip(*messages.to_pydict().values(), strict=True):
                packed = [(header["key"], header["value"]) for header in headers or ()]
                producer.send(topic, key=key, value=value, headers=packed)


def _batch(partition: int, records: list[Any]) -> Batch:
    columns = Records(
        keys=[record.key for record in records],
        values=[record.value for record in records],
        offsets=np.array([record.offset for record in records], dtype=np.int64),
        timestamps_ms=np.array([record.timestamp for record in records], dtype=np.int64),
    )
    return Batch(columns, partition)


if __name__ == "__main__":
    typer.run(run)
