"""An orderly stop lets the current micro-batch end, so that no row is stored without its message.

Rows and marker of a batch are in the store before its messages leave the worker. A query that is
stopped in between loses nothing, the next start repeats the batch; but until then readers of the
topic miss what readers of the store have.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

_POLL_SECONDS = 0.05


def finish_batches(queries: Sequence[Any], *, seconds: float, log: Callable[[str], None]) -> None:
    """Wait until each of Spark's `queries` has ended the batch that it is in, `seconds` at most.

    A query without data, or one that has failed, is not waited for; nor is one that begins another
    batch meanwhile.
    """
    waiting = [(query, batch) for query in queries if (batch := _current_batch(query))]
    if not waiting:
        return
    log(f"ending after the current batch, within {seconds:.0f} s; signal again to end at once")
    deadline = time.monotonic() + seconds
    while any(_current_batch(query) == batch for query, batch in waiting):
        if time.monotonic() > deadline:
            log("the current batch did not end: the next start repeats it")
            return
        time.sleep(_POLL_SECONDS)


def _current_batch(query: Any) -> str | None:
    """What identifies the current batch: when the one before it began; None without one."""
    try:
        before, status = query.lastProgress, query.status
        if not (query.isActive and status["isTriggerActive"] and status["isDataAvailable"]):
            return None
    except Exception:  # Spark's JVM is gone, and the query with it
        return None
    return f"after {before['timestamp'] if before else 'none'}"
