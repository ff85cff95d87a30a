# ruff: noqa: E402 - what must not be imported is named first
"""Spark's Python daemon, with the heavy imports done once before it forks its workers.

A worker that starts cold pays seconds for scikit-learn, shap and numba; forked from a warm daemon
it pays none. Set by `spark.python.daemon.module`.
"""

import gc
import socket
import sys
from collections.abc import Callable

# shap draws with it where it is installed: a worker never does, and it takes 0.4 s of the start.
sys.modules["matplotlib"] = None  # type: ignore[assignment]

import msgspec  # noqa: F401
import numpy  # noqa: F401
import pyarrow  # noqa: F401
import shap  # noqa: F401
import sklearn.calibration
import sklearn.ensemble  # noqa: F401
import skops.io  # noqa: F401
from pyspark import daemon

from streaming.real_time import worker as real_time_worker
from streaming.scoring.worker import shared_memory

_ENDED = 1


def ending_quietly_when_idle(
    serve: Callable[[socket.socket, bool], int],
) -> Callable[[socket.socket, bool], int]:
    """`serve`, which does one task, begun only once there is one.

    Spark ends a worker by closing its socket, after a minute without a task and when it stops.
    Without this, Spark's worker often fails to write to it and leaves a traceback in the log.
    """

    def serve_if_asked(sock: socket.socket, authenticated: bool) -> int:
        try:
            is_asked = bool(sock.recv(1, socket.MSG_PEEK))
        except ConnectionError:
            is_asked = False
        return serve(sock, authenticated) if is_asked else _ENDED

    return serve_if_asked


if __name__ == "__main__":
    # Spark names the module of the workers that this daemon forks.
    answers_frames = sys.argv[1:] == [real_time_worker.MODULE]
    serve = real_time_worker.serve if answers_frames else daemon.worker
    daemon.worker = ending_quietly_when_idle(serve)  # type: ignore[assignment]
    shared_memory()  # made before the fork: all workers see the same
    # Frozen objects are never traversed by the collector, nor copied on write after the fork.
    gc.collect()
    gc.freeze()
    daemon.manager()
