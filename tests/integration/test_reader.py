"""The reader of latest rows and the jobs that list them, against the real gateway."""

import csv
import io
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.servers.platform import start_one, stop_one
from reports.terminal import visible
from stores.hbase.connection import HBaseStore, Session, StoreDown, TableMissing
from stores.hbase.predictions import (
    Model,
    Prediction,
    PredictionReader,
    Reason,
    Source,
    reader,
    row_document,
)
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker, StateTable
from streaming.position.staleness import stream_lag
from tests.scenarios.tiny import SCENARIO
from tests.support.half_scored import write_half_scored
from tests.support.lane import Lane
from tests.support.processes import ROOT

HOSTILE = ["=1+1", "[red]", "[/]", "a\x1b[2Jb", "\u202eabc", "'quoted", "7590-VHVEG", "a$B`c` d"]


@contextmanager
def proxied(store: HBaseStore) -> Iterator[tuple[HBaseStore, list[socket.socket]]]:
    """The store behind a relay, and the gateway's side of every connection that was made.

    Shutting one down is what the gateway does with a connection that was idle for 60 s.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    gateway_sides: list[socket.socket] = []

    def relay(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for connection in (source, sink):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                gateway = socket.create_connection((store.host, store.port))
                gateway_sides.append(gateway)
                for pair in ((client, gateway), (gateway, client)):
                    threading.Thread(target=relay, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield replace(store, host="127.0.0.1", port=listener.getsockname()[1]), gateway_sides
    finally:
        listener.close()
        for connection in gateway_sides:
            connection.close()


def row(entity: str, *, at: datetime, score: float = 0.5, partition: int = 0) -> Prediction:
    """A latest row that was scored at `at`."""
    return Prediction(
        prediction_id=f"tiny-1-{partition}-7-1",
        entity=entity,
        score=score,
        band="hot",
        reasons=[Reason("heat", "=hot [bold]", "raises", 1.0)],
        action="look",
        review=False,
        control_group=False,
        scored_at=at,
        event_time=at,
        features_as_of=at,
        valid_until=at + timedelta(days=30),
        model=Model("tiny", "1"),
        source=Source("tiny.events", partition, 7),
    )


def write(session: Session, rows: list[Prediction]) -> None:
    cells = [(prediction.entity, row_document(prediction)) for prediction in rows]
    StateTable(session, "tiny").write_latest(cells, position=stamp(1, 7))


@pytest.fixture
def rows(session: Session) -> list[Prediction]:
    """2,500 rows in the store: more than two pages of a scan."""
    predictions = [row(f"machine {number}", at=datetime.now(UTC)) for number in range(2_500)]
    write(session, predictions)
    return predictions


def test_a_connection_that_was_closed_while_idle_costs_no_read(
    store: HBaseStore, rows: list[Prediction]
) -> None:
    with proxied(store) as (relayed, gateway_sides), reader(relayed, "tiny") as predictions:
        assert predictions.latest("machine 3") == rows[3]
        gateway_sides[-1].shutdown(socket.SHUT_RDWR)
        assert predictions.latest("machine 4") == rows[4]
        gateway_sides[-1].shutdown(socket.SHUT_RDWR)
        answers = predictions.latest_many(["machine 5", "nobody", "machine 6"])
        assert answers == {"machine 5": rows[5], "machine 6": rows[6]}
        scan = predictions.scan()
        first = next(scan)
        gateway_sides[-1].shutdown(socket.SHUT_RDWR)
        entities = [first.entity, *(prediction.entity for prediction in scan)]
        assert sorted(entities) == sorted(prediction.entity for prediction in rows)
        assert len(gateway_sides) >= 4


def test_a_gateway_that_is_restarted_costs_a_wait(
    store: HBaseStore, rows: list[Prediction], run_dir: Path
) -> None:
    with reader(store, "tiny", retry_seconds=60.0) as predictions:
        assert predictions.latest("machine 3") == rows[3]
        assert stop_one(run_dir, "thrift", kill=True)
        with (
            pytest.raises(StoreDown, match=f"{store.host}:{store.port} does not answer"),
            reader(store, "tiny", retry_seconds=0.5),
        ):
            pass
        restart = threading.Thread(target=start_one, args=(run_dir, "thrift"))
        restart.start()
        try:
            assert predictions.latest("machine 3") == rows[3]
        finally:
            restart.join()


def test_a_table_that_is_not_there_is_named(store: HBaseStore) -> None:
    with (
        reader(store, "nosuch") as predictions,
        pytest.raises(TableMissing, match="prepare_scenario"),
    ):
        predictions.latest("machine 1")


def test_threads_share_a_reader(store: HBaseStore, rows: list[Prediction]) -> None:
    with reader(store, "tiny") as predictions, ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(predictions.latest, [prediction.entity for prediction in rows[:800]])
        )
    assert answers == rows[:800]


def test_a_fork_reads_over_a_connection_of_its_own(
    store: HBaseStore, rows: list[Prediction]
) -> None:
    """Parent and children read at the same time; on one connection they would mix up answers."""
    context = multiprocessing.get_context("fork")
    with reader(store, "tiny") as predictions:
        predictions.latest("machine 0")
        answers = context.Queue()
        children = [
            context.Process(
                target=_read_all, args=(predictions, rows[start : start + 200], answers)
            )
            for start in (0, 200)
        ]
        for child in children:
            child.start()
        own_predictions = [predictions.latest(prediction.entity) for prediction in rows[400:600]]
        wrong = [answers.get(timeout=60) for _ in children]
        for child in children:
            child.join(60)
        assert own_predictions == rows[400:600]
        assert wrong == [0, 0]
        assert predictions.latest("machine 1") == rows[1]


def _read_all(predictions: PredictionReader, rows: list[Prediction], answers: Any) -> None:
    wrong = sum(predictions.latest(prediction.entity) != prediction for prediction in rows)
    predictions.session.close()
    answers.put(wrong)


def run_job(lane: Lane, *arguments: str, code: int = 0) -> tuple[str, str]:
    """stdout and stderr of a job in the lane's environment."""
    settings = ["scenarios.tiny=tests.scenarios.tiny", f"hbase.namespace={lane.store.namespace}"]
    options = [option for setting in settings for option in ("--set", setting)]
    process = subprocess.run(
        [str(ROOT / "spark-submit.sh"), *arguments, "--scenario", "tiny", *options],
        env={
            **os.environ,
            "EVERSCORE_PYTHON": sys.executable,
            "EVERSCORE_RUN_DIR": str(lane.run_dir),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == code, process.stderr
    return process.stdout, process.stderr


@pytest.fixture(scope="module")
def lane(lanes: Callable[[], AbstractContextManager[Lane]]) -> Iterator[Lane]:
    """Topics and tables of a stopped stream; only partition 0 has an event that is not scored."""
    with lanes() as opened:
        session = Session(opened.store, retry_seconds=20.0)
        write_half_scored(opened, session, Marker(partition=0, epoch=1, offset=0))
        now = datetime.now(UTC)
        fresh = [row(entity, at=now, partition=1) for entity in HOSTILE]
        behind = row("behind", at=now, score=0.9, partition=0)
        expired = row("expired", at=now - timedelta(days=40), score=0.8, partition=1)
        write(session, [*fresh, behind, expired])
        yield opened
        session.close()


def test_the_lag_of_a_stream_is_the_arrival_of_the_oldest_event_that_waits(lane: Lane) -> None:
    session = Session(lane.store, retry_seconds=20.0)
    lag = stream_lag(SCENARIO, lane.kafka, session, limit_seconds=60.0)
    session.close()
    assert set(lag.waiting_since) == {0}
    age = datetime.now(UTC) - lag.waiting_since[0]
    assert timedelta(0) < age < timedelta(minutes=5)


def test_a_list_marks_stale_rows_and_keeps_ids_from_being_formulas(lane: Lane) -> None:
    late = ("--set", "stream.stale_after_seconds=0.001")
    stdout, stderr = run_job(lane, "list_scores", *late)
    entries = list(csv.DictReader(io.StringIO(stdout, newline="")))
    assert [entry["entity"] for entry in entries][:2] == ["behind", "expired"]
    assert "the stream is behind: events of tiny.events-0" in entries[0]["stale"]
    assert "it was valid until" in entries[1]["stale"]
    assert float(entries[1]["age_seconds"]) > 39 * 86_400
    assert {entry["stale"] for entry in entries[2:]} == {""}
    assert "2 of them stale" in stderr
    cells = [cell for entry in entries for cell in entry.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=1+1" in cells
    assert "\x1b" not in stdout
    # Within the usual limit nothing is behind, and the expired row is stale all the same.
    stdout, _ = run_job(lane, "list_scores")
    entries = list(csv.DictReader(io.StringIO(stdout)))
    assert [bool(entry["stale"]) for entry in entries][:2] == [False, True]


def test_software_reads_the_list_as_it_is(lane: Lane) -> None:
    stdout, _ = run_job(lane, "list_scores", "--format", "json")
    entries = [json.loads(line) for line in stdout.splitlines()]
    assert {entry["entity"] for entry in entries} == {*HOSTILE, "behind", "expired"}
    assert [entry["stale"] for entry in entries][:2] == [False, True]
    assert "\x1b" not in stdout
    assert "\u202e" not in stdout


@pytest.mark.parametrize("entity", ["[/]", "a\x1b[2Jb", "a$B`c` d"])
def test_a_person_sees_an_id_as_it_is(lane: Lane, entity: str) -> None:
    _, stderr = run_job(lane, "show_score", entity)
    assert visible(entity) in stderr
    assert "\x1b" not in stderr
    assert "STALE" not in stderr


def test_a_stale_row_is_shown_as_stale(lane: Lane) -> None:
    _, stderr = run_job(lane, "show_score", "expired")
    assert "STALE" in stderr
    stdout, _ = run_job(lane, "show_score", "expired", "--json")
    document = json.loads(stdout)
    assert document["stale"] is True
    assert document["age_seconds"] > 39 * 86_400
    assert "valid until" in document["stale_because"][0]


def test_an_id_without_a_row_is_named_escaped(lane: Lane) -> None:
    _, stderr = run_job(lane, "show_score", "[bold]\x9b31m", code=6)
    assert "[bold]" in stderr
    assert "\x9b" not in stderr
