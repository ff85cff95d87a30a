"""The Python side of `FrameBridge`: a worker that answers one task's frames with their messages.

Both directions are Arrow streams. A frame is one record batch; its answer is the batches of its
messages and an empty one that ends it. The first empty one says that the worker is ready. A row
without a topic carries an error, the worker's last word.
"""

import os
import pickle
import signal
import socket
import struct
import traceback
from collections.abc import Callable
from typing import IO

import pyarrow as pa

from streaming.passes.batches import batches_of
from streaming.passes.joined_batches import ARROW_ROWS
from streaming.passes.kind import OpenPass
from streaming.passes.output import OUTPUT_ARROW
from streaming.position.refusals import refusals_travel

# The name by which the daemon knows that a worker is asked to answer frames.
MODULE = "streaming.real_time.worker"

_BUFFER_BYTES = 1 << 16
_REUSED, _ENDED = 0, 1
_LENGTH = struct.Struct(">i")

# Scenario, and what opens the pass in this process.
Command = tuple[str, Callable[[], OpenPass]]


def serve(sock: socket.socket, authenticated: bool) -> int:
    """Answer the frames of one task; the exit code, 0 when another task may follow."""
    for number in (signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if not authenticated:
        raise RuntimeError(
            "real-time mode talks to its workers over Unix sockets only: leave "
            "spark.python.unix.domain.socket.enabled at true"
        )
    with (
        os.fdopen(os.dup(sock.fileno()), "rb", _BUFFER_BYTES) as source,
        os.fdopen(os.dup(sock.fileno()), "wb", _BUFFER_BYTES) as target,
    ):
        header = source.read(_LENGTH.size)
        if len(header) < _LENGTH.size:
            return _ENDED
        command: Command = pickle.loads(source.read(_LENGTH.unpack(header)[0]))
        return _REUSED if answered(command, source, target) else _ENDED


def answered(command: Command, source: IO[bytes], target: IO[bytes]) -> bool:
    """Answer frames until their stream ends; False when an error ended it sooner."""
    scenario, open_pass = command
    with pa.ipc.new_stream(target, OUTPUT_ARROW) as answers:
        try:
            with refusals_travel(scenario):
                opened = open_pass()
                opened.prepare()
                _end_frame(answers, target)
                for batch in batches_of(pa.ipc.open_stream(source)):
                    for table in opened.tables(batch):
                        for messages in table.to_batches(max_chunksize=ARROW_ROWS):
                            if messages.num_rows:
                                answers.write_batch(messages)
                    _end_frame(answers, target)
        except BrokenPipeError:
            return False
        except Exception:
            _write_error(answers, target, traceback.format_exc())
            return False
    target.flush()
    return True


def _end_frame(answers: pa.RecordBatchStreamWriter, target: IO[bytes]) -> None:
    answers.write_batch(pa.RecordBatch.from_pylist([], schema=OUTPUT_ARROW))
    target.flush()


def _write_error(answers: pa.RecordBatchStreamWriter, target: IO[bytes], text: str) -> None:
    error = {"topic": None, "key": None, "value": text.encode(), "headers": None}
    answers.write_batch(pa.RecordBatch.from_pylist([error], schema=OUTPUT_ARROW))
    target.flush()
