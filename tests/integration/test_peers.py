"""The peers of the benchmark do the work that they are measured at: real Kafka, real HBase."""

import json
import os
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import happybase
import joblib
import numpy as np
import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.peers.environments import (
    CHECKOUT,
    PeerTask,
    PeerUnavailable,
    UnknownPeer,
    peer_command,
    peer_python,
)
from local.endpoints import Endpoints
from local.tables import Family, TableSpec, create_tables
from stores.hbase.predictions import Prediction
from tests.support.processes import Job

SYSTEMS = ("plain_confluent", "expert_confluent", "bytewax_flow", "quixstreams_app")
WITH_A_STORE = SYSTEMS[1:]
EVENTS, CUSTOMERS, PARTITIONS = 2_000, 150, 2
NUMBERS = [f"n{number:02d}" for number in range(20)]
DAYS = (1, 7, 30)
PAYMENT_FEATURES = [
    *(f"{what}_{days}d" for days in DAYS for what in ("payments", "amount_mean")),
    "is_night",
    "is_weekend",
    "amount_usd",
]
# The model has two features that no peer knows: they are missing.
STATEFUL_MODEL = ["terminal_verdicts_1d", *PAYMENT_FEATURES[::-1], "terminal_fraud_share_7d"]
PATIENCE_SECONDS = 90.0

Event = dict[str, Any]
Rows = dict[bytes, dict[str, Any]]

pytestmark = pytest.mark.skipif(
    os.environ.get("EVERSCORE_PEERS") != "1",
    reason="three environments are installed for it: set EVERSCORE_PEERS=1 to run it",
)


@dataclass(frozen=True)
class Ground:
    """A running platform and what is needed to start a peer on it."""

    endpoints: Endpoints
    folder: Path
    new_table: Callable[[], str]

    def task(self, workload: str, name: str, *, processes: int = 1) -> PeerTask:
        topic = f"{name}.events"
        with _admin(self.endpoints) as admin:
            names = [topic, f"{name}.results"]
            admin.create_topics([NewTopic(topic_name, PARTITIONS, 1) for topic_name in names])
        return PeerTask(
            bootstrap_servers=self.endpoints.kafka_bootstrap_servers,
            topic=topic,
            output_topic=f"{name}.results",
            hbase_host=self.endpoints.hbase_thrift_host,
            hbase_port=self.endpoints.hbase_thrift_port,
            table=self.new_table(),
            model=self.folder / f"{workload}.joblib",
            workload=workload,
            group=name,
            processes=processes,
            state_dir=self.folder / name,
        )

    def estimator(self, workload: str) -> Any:
        return joblib.load(self.folder / f"{workload}.joblib")["estimator"]


@pytest.fixture(scope="module")
def ground(platform: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    tables = [f"peers:t{number}" for number in range(24)]
    create_tables(platform, [TableSpec(table, [Family("p")]) for table in tables])
    folder = tmp_path_factory.mktemp("peers")
    for workload, names in (("stateless", NUMBERS), ("stateful", STATEFUL_MODEL)):
        random = np.random.default_rng(7)
        matrix = np.abs(random.normal(size=(3_000, len(names)))) * 30.0
        matrix[random.random(matrix.shape) < 0.2] = np.nan
        target = np.nansum(matrix, axis=1) > 25.0 * 0.64 * len(names)
        estimator = HistGradientBoostingClassifier(max_iter=20, random_state=7)
        fitted = estimator.fit(matrix, target)
        joblib.dump({"estimator": fitted, "features": list(names)}, folder / f"{workload}.joblib")
    return Ground(platform, folder, iter(tables).__next__)


@pytest.mark.parametrize("peer", SYSTEMS)
def test_every_stateless_row_is_the_newest_event_with_the_estimators_score(
    ground: Ground, peer: str
) -> None:
    task = ground.task("stateless", f"{peer}-stateless", processes=PARTITIONS)
    events = readings()
    matrix = np.array([[event[name] for name in NUMBERS] for event in events])
    scores = ground.estimator("stateless").predict_proba(matrix)[:, 1]
    expected = {e["customer_id"]: {"score": s} for e, s in zip(events, scores, strict=True)}
    publish(task, events)
    with running(peer, task):
        rows = rows_when(task, lambda rows: scores_of(rows) == scores_of(keyed(expected)))
        assert scores_of(rows) == scores_of(keyed(expected))
        assert all(row["source"]["topic"] == task.topic for row in rows.values())
        assert {tuple(row) for row in rows.values()} == {Prediction.__struct_fields__}


@pytest.mark.parametrize("peer", SYSTEMS)
def test_every_stateful_row_has_the_features_of_exact_windows(ground: Ground, peer: str) -> None:
    # In two processes the plain loop loses states when the second one joins the group.
    processes = PARTITIONS if peer in WITH_A_STORE else 1
    task = ground.task("stateful", f"{peer}-stateful", processes=processes)
    expected = expected_payments(ground, events := payments())
    publish(task, events)
    with running(peer, task):
        rows = rows_when(task, lambda rows: agree(rows, expected))
    assert_agree(rows, expected)


@pytest.mark.parametrize("peer", WITH_A_STORE)
def test_a_killed_peer_with_a_store_ends_with_the_same_states(ground: Ground, peer: str) -> None:
    task = ground.task("stateful", f"{peer}-killed")
    events = payments()
    half = EVENTS // 2
    publish(task, events[:half])
    with running(peer, task) as job:
        early = expected_payments(ground, events[:half])
        rows_when(task, lambda rows: agree(rows, early))
        publish(task, events[half:])
        rows_when(task, lambda rows: not agree(rows, early))
        kill_group(job)
    expected = expected_payments(ground, events)
    with running(peer, task):
        rows = rows_when(task, lambda rows: agree(rows, expected))
    assert_agree(rows, expected)


def test_a_killed_plain_loop_forgets_its_customers(ground: Ground) -> None:
    task = ground.task("stateful", "plain-killed")
    events = payments()
    half = EVENTS // 2
    early, expected = (expected_payments(ground, part) for part in (events[:half], events))
    publish(task, events[:half])
    with running("plain_confluent", task) as job:
        rows_when(task, lambda rows: agree(rows, early))
        time.sleep(2.0)  # rows are there before the offsets are committed
        kill_group(job)
    publish(task, events[half:])
    with running("plain_confluent", task):
        newest = positions(expected)
        rows = rows_when(task, lambda rows: positions(rows) == newest)
    assert positions(rows) == newest
    assert not agree(rows, expected)


def test_an_unknown_peer_is_refused_by_name(ground: Ground) -> None:
    task = ground.task("stateless", "unknown")
    with pytest.raises(UnknownPeer, match="flink"):
        peer_command("flink", replace(task, processes=2), python=Path("python"))


def readings() -> list[Event]:
    random = np.random.default_rng(3)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {
            "type": "reading",
            "customer_id": str(random.integers(CUSTOMERS)),
            "event_time": written(start + timedelta(seconds=number)),
            **dict(zip(NUMBERS, np.round(random.normal(size=20) * 30, 3).tolist(), strict=True)),
        }
        for number in range(EVENTS)
    ]


def payments() -> list[Event]:
    """Payments of 80 days, one in ten up to two days late, and some verdicts that score nothing."""
    random = np.random.default_rng(5)
    start = datetime(2018, 4, 1, tzinfo=UTC)
    events = []
    for number in range(EVENTS):
        late = timedelta(minutes=int(random.integers(2_880)) if random.random() < 0.1 else 0)
        event = {
            "type": "payment" if random.random() < 0.95 else "verdict",
            "customer_id": str(random.integers(CUSTOMERS)),
            "event_time": written(start + timedelta(minutes=60 * number) - late),
            "payment_id": number,
            "terminal_id": int(random.integers(1_000)),
            "amount_usd": round(float(random.gamma(2.0, 30.0)), 2),
        }
        events.append(event)
    return events


def expected_payments(ground: Ground, events: Sequence[Event]) -> Rows:
    """By definition: all of a customer's payments so far, counted again at each event."""
    past: dict[str, list[tuple[datetime, float]]] = {}
    newest: dict[str, list[float]] = {}
    for event in events:
        if event["type"] != "payment":
            continue
        at = datetime.fromisoformat(event["event_time"])
        history = past.setdefault(event["customer_id"], [])
        history.append((at, event["amount_usd"]))
        newest[event["customer_id"]] = features_at(history, at, event["amount_usd"])
    rows = np.array([[*row, np.nan] for row in newest.values()])
    places = {name: place for place, name in enumerate(PAYMENT_FEATURES)}
    columns = [places.get(name, len(PAYMENT_FEATURES)) for name in STATEFUL_MODEL]
    scores = ground.estimator("stateful").predict_proba(rows[:, columns])[:, 1]
    return keyed(
        {
            customer: {"score": float(score), "features": row}
            for (customer, row), score in zip(newest.items(), scores, strict=True)
        }
    )


def features_at(
    history: Sequence[tuple[datetime, float]], at: datetime, amount: float
) -> list[float]:
    now = max(time for time, _ in history)
    values: list[float] = []
    for days in DAYS:
        inside = [value for time, value in history if now - timedelta(days=days) < time <= now]
        values += [len(inside), sum(inside) / len(inside)]
    return [*values, float(at.hour <= 6), float(at.weekday() >= 5), amount]


def agree(rows: Rows, expected: Rows) -> bool:
    return rows.keys() == expected.keys() and all(
        np.allclose(rows[key]["features"], row["features"], rtol=0, atol=1e-9)
        and abs(rows[key]["score"] - row["score"]) < 1e-12
        for key, row in expected.items()
    )


def assert_agree(rows: Rows, expected: Rows) -> None:
    assert rows.keys() == expected.keys()
    for key, row in expected.items():
        np.testing.assert_allclose(rows[key]["features"], row["features"], rtol=0, atol=1e-9)
        assert rows[key]["score"] == pytest.approx(row["score"], abs=1e-12)


def positions(rows: Rows) -> dict[bytes, float]:
    """Row key → amount of the event that it shows: no two of a customer's are alike."""
    return {key: row["features"][-1] for key, row in rows.items()}


def scores_of(rows: Rows) -> dict[bytes, float]:
    return {key: row["score"] for key, row in rows.items()}


def keyed(rows: Mapping[str, dict[str, Any]]) -> Rows:
    return {
        b"%02x:%b" % (zlib.crc32(customer.encode()) & 0xFF, customer.encode()): row
        for customer, row in rows.items()
    }


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def publish(task: PeerTask, events: Sequence[Event]) -> None:
    producer = KafkaProducer(bootstrap_servers=task.bootstrap_servers, linger_ms=20)
    for event in events:
        producer.send(
            task.topic, key=event["customer_id"].encode(), value=json.dumps(event).encode()
        )
    producer.flush()
    producer.close()


@contextmanager
def running(peer: str, task: PeerTask) -> Iterator[Job]:
    """The peer until the end of the block, then SIGTERM, which must end it well."""
    command = peer_command(peer, task, python=installed(peer))
    log = task.model.parent / f"{task.group}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, stdout=output, stderr=output, start_new_session=True
        )
    job = Job(process, log)
    try:
        job.wait_for("ready", timeout=PATIENCE_SECONDS)
        yield job
        if process.poll() is None:
            assert job.terminate() == 0, job.output()[-4000:]
    finally:
        job.end()


def kill_group(job: Job) -> None:
    os.killpg(job.process.pid, 9)
    job.process.wait(30)


def installed(peer: str) -> Path:
    try:
        return peer_python(peer, tell=print)
    except PeerUnavailable as error:
        pytest.skip(str(error))


def rows_when(task: PeerTask, is_so: Callable[[Rows], bool]) -> Rows:
    """The table's rows once they are as expected, or as they are when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        rows = read(task)
        if is_so(rows) or time.monotonic() > deadline:
            return rows
        time.sleep(0.2)


def read(task: PeerTask) -> Rows:
    connection = happybase.Connection(task.hbase_host, task.hbase_port)
    try:
        scanned = connection.table(task.table).scan(columns=[b"p:latest"])
        return {key: json.loads(cells[b"p:latest"]) for key, cells in scanned}
    finally:
        connection.close()


@contextmanager
def _admin(endpoints: Endpoints) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap_servers)
    try:
        yield client
    finally:
        client.close()
