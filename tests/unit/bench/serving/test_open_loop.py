"""The load counts what a stalled service does to all that wait, and its client reads answers."""

import socket
import threading
import time
from pathlib import Path

import msgspec
import pytest

from bench.serving.client import answer_status, http_call
from bench.serving.open_loop import open_loop, saturated
from bench.serving.report import LATEST, RAW, Run, rows_of
from bench.serving.samples import Sample, write_latest, write_what_ifs


def test_a_pause_of_the_service_delays_all_requests_that_were_due_in_it() -> None:
    def call(number: int) -> bool:
        if number == 20:
            time.sleep(0.3)
        return number != 30

    answers = open_loop([call], rate=100.0, seconds=0.8, warm_up_seconds=0.1)
    assert len(answers.latencies_seconds) == 80
    assert answers.failed == 1
    delayed = [latency for latency in answers.latencies_seconds if latency > 0.05]
    assert len(delayed) >= 20  # those that were due within the 0.3 s
    assert max(delayed) >= 0.3


def test_a_call_that_fails_is_counted_and_the_next_one_goes_on() -> None:
    def call(number: int) -> bool:
        if number % 2:
            raise ConnectionResetError
        time.sleep(0.001)
        return True

    answers = saturated([call, call], seconds=0.2, warm_up_seconds=0.05)
    assert 0 < answers.failed < len(answers.latencies_seconds)
    assert answers.per_second > 10


def test_the_client_reads_whole_answers_and_connects_again() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe")
            connection.sendall(b"llo")
            connection.recv(65_536)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    call = http_call("127.0.0.1", listener.getsockname()[1], [b"GET / HTTP/1.1\r\n\r\n"])
    assert call(0)
    with pytest.raises(ValueError, match="ended"):
        call(1)
    assert call(2)
    with pytest.raises(ValueError, match="ended"):
        call(3)
    thread.join()
    listener.close()


def test_an_answer_without_a_length_is_none() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    with pytest.raises(ValueError, match="Content-Length"):
        answer_status(ours)
    ours.close()
    theirs.close()


def test_requests_are_whole_messages(tmp_path: Path) -> None:
    samples = [Sample("a/b ü", b'{"type":"reading","x":1}')]
    write_latest(tmp_path / "get", samples, scenario="tiny", key="k")
    (get,) = msgspec.msgpack.decode((tmp_path / "get").read_bytes(), type=list[bytes])
    assert get.startswith(b"GET /v1/tiny/latest/a%2Fb%20%C3%BC HTTP/1.1\r\n")
    assert get.endswith(b"\r\n\r\n")
    write_what_ifs(tmp_path / "post", samples, scenario="tiny", key="k")
    (post,) = msgspec.msgpack.decode((tmp_path / "post").read_bytes(), type=list[bytes])
    head, _, body = post.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert msgspec.json.decode(body)["events"] == [{"type": "reading", "x": 1}]


def test_ratios_are_those_to_raw_reads_at_the_same_rate() -> None:
    def run(target: str, rate: float | None, p99_ms: float, per_second: float) -> Run:
        return Run(
            target=target, rate=rate, per_second=per_second, failed=0, p50_ms=1.0, p99_ms=p99_ms
        )

    runs = [run(RAW, 200.0, p99, 200.0) for p99 in (2.0, 4.0, 90.0)]
    runs += [run(LATEST, 200.0, 6.0, 200.0), run(LATEST, 500.0, 6.0, 300.0)]
    runs += [run(RAW, None, 2.0, 1000.0), run(LATEST, None, 2.0, 600.0)]
    rows = rows_of(runs)
    assert [row[0] for row in rows] == [
        "200/s",
        "200/s",
        "500/s (not reached)",
        "saturated",
        "saturated",
    ]
    assert rows[1][-2:] == ("1.00", "1.50")
    assert rows[-1][-2] == "0.60 of the rate"
