"""A bytewax dataflow: Kafka in, batches scored, rows and results out, recovery to SQLite.

Batches are scored in `flat_map_batch`, as its guide to performance says for work with a large
overhead per call. Offsets and states go to the recovery store once per snapshot interval; after a
kill the flow goes on with both as of the last snapshot, so states end up exact, while rows are
written again (for a moment older ones over newer ones) and results are repeated.

Tried, 300,000 stateless events of 50,000 customers on 2 cores that other work used as well (rough,
single runs): batches of 1,000, 4,000, 10,000 took 32, 31, 36 us of its own CPU an event and reached
8.2, 9.5, 9.4 thousand events/s; two processes 15.8 thousand. Stateful, 1,000 or 10,000: 3.4 or 3.0
thousand. `stateful_batch` instead of `stateful_map`: one call per customer and batch, and its
snapshot is bytes instead of a deep copy. orjson instead of json, as its guide to Kafka has it.
"""

import os
import signal
import socket
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from bench.peers.model import Model, load_model, picked
from bench.peers.prediction import Position, prediction
from bench.peers.processes import Running, run_in_processes
from bench.peers.rows import Rows, row_key
from bench.peers.settings import PeerSettings, parse_settings
from bench.peers.windows import FEATURES, Payments

_BATCH_ROWS = 4000
_PUT_ROWS = 1000
_SNAPSHOT_INTERVAL = timedelta(seconds=5)


class RowSinkPartition(StatelessSinkPartition):  # type: ignore[misc]
    """One worker's connection."""

    def __init__(self, settings: PeerSettings) -> None:
        self._rows = Rows(settings.hbase_host, settings.hbase_port, settings.table)

    def write_batch(self, items: list[KafkaSinkMessage]) -> None:
        """Put the row of every event."""
        self._rows.put([(row_key(i.key), i.value) for i in items], batch_rows=_PUT_ROWS)

    def close(self) -> None:
        """Close the connection."""
        self._rows.close()


class RowSink(DynamicSink):  # type: ignore[misc]
    """Rows in HBase; each worker has a connection of its own."""

    def __init__(self, settings: PeerSettings, running: Running) -> None:
        self._settings = settings
        self._running = running

    def build(self, step_id: str, worker_index: int, worker_count: int) -> RowSinkPartition:
        """Called by each worker when it starts."""
        self._running.consumes()
        return RowSinkPartition(self._settings)


class PaymentsLogic(StatefulBatchLogic):  # type: ignore[misc]
    """A customer's payments, and their features at each event."""

    def __init__(self, stored: bytes | None) -> None:
        self._payments = Payments() if stored is None else Payments.from_bytes(stored)

    def on_batch(self, values: list[KafkaSourceMessage]) -> tuple[Iterable[Any], bool]:
        """(message, event time, features) of each payment."""
        payments = []
        for message in values:
            event = orjson.loads(message.value)
            if event["type"] == "payment":
                at = datetime.fromisoformat(event["event_time"])
                features = self._payments.with_payment(at, event["amount_usd"])
                payments.append((message, event["event_time"], features))
        return payments, StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        """The state for the recovery store."""
        return self._payments.to_bytes()


def flow_of(settings: PeerSettings, running: Running) -> Dataflow:
    """The dataflow; every process of a cluster builds the same."""
    model = load_model(settings.model)
    brokers = [settings.bootstrap_servers]
    flow = Dataflow("peer")
    batch_rows = settings.batch_rows or _BATCH_ROWS
    events = kop.input(
        "events", flow, brokers=brokers, topics=[settings.topic], batch_size=batch_rows
    )
    op.raises("errors", events.errs)
    if settings.is_stateful:
        keyed = op.key_on("customer", events.oks, lambda message: message.key.decode())
        featured = op.stateful_batch("payments", keyed, PaymentsLogic)
        scored = op.flat_map_batch("score", featured, partial(_of_payments, model))
    else:
        scored = op.flat_map_batch("score", events.oks, partial(_of_readings, model))
    op.output("rows", scored, RowSink(settings, running))
    kop.output("results", scored, brokers=brokers, topic=settings.output_topic)
    return flow


def _of_readings(model: Model, messages: list[KafkaSourceMessage]) -> list[KafkaSinkMessage]:
    events = [orjson.loads(message.value) for message in messages]
    scores = model.scores([[event[name] for name in model.features] for event in events])
    times = [event["event_time"] for event in events]
    return [_result(*fields) for fields in zip(messages, times, scores.tolist(), strict=True)]


def _of_payments(
    model: Model, items: list[tuple[str, tuple[KafkaSourceMessage, str, list[float]]]]
) -> list[KafkaSinkMessage]:
    messages, times, rows = zip(*(value for _, value in items), strict=True)
    scores = model.scores(picked(rows, model.columns_of(FEATURES))).tolist()
    return [_result(*fields) for fields in zip(messages, times, scores, rows, strict=True)]


def _result(
    message: KafkaSourceMessage, event_time: str, score: float, features: list[float] | None = None
) -> KafkaSinkMessage:
    _, arrived_ms = message.timestamp
    at = Position(message.topic, message.partition, message.offset, arrived_ms)
    document = prediction(message.key.decode(), score, event_time, at)
    if features is not None:
        document["features"] = features
    return KafkaSinkMessage(message.key, orjson.dumps(document))


def _run(settings: PeerSettings, addresses: list[str], index: int, running: Running) -> None:
    # bytewax knows no orderly stop (its issue 268): what a kill does, a SIGTERM may do as well.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    cli_main(
        flow_of(settings, running),
        process_id=index if addresses else None,
        addresses=addresses or None,
        epoch_interval=_SNAPSHOT_INTERVAL,
        recovery_config=RecoveryConfig(_recovery_store(settings), timedelta(0)),
    )


def _recovery_store(settings: PeerSettings) -> Path:
    return settings.state_dir / "recovery"


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def main() -> int:
    """Make the recovery store if there is none, and run the flow in a cluster of processes."""
    settings = parse_settings(__doc__)
    store = _recovery_store(settings)
    store.mkdir(exist_ok=True)
    if not any(store.iterdir()):
        init_db_dir(store, settings.processes)
    count = settings.processes
    addresses = [_free_address() for _ in range(count)] if count > 1 else []
    return run_in_processes(count, partial(_run, settings, addresses))


if __name__ == "__main__":
    sys.exit(main())
