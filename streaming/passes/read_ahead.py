"""Take the next batch from its source while the current one is worked on.

Spark's JVM serves a Python worker from one thread: while it hands over input or takes output, the
worker would wait, and the other way round. With one batch read ahead both work at the same time.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Queue
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class _End:
    """The source has ended, or failed with `error`."""

    error: BaseException | None = None


def read_ahead(source: Iterator[Item], *, pays: Callable[[Item], bool]) -> Iterator[Item]:
    """The items of `source` in order; errors of the source are raised where they occur.

    A thread fetches ahead, at most one item, from the first item on for which it `pays`: a small
    batch is the last one of its task, and a thread would only delay it.
    """
    for item in source:
        if pays(item):
            yield from _with_thread(item, source)
            return
        yield item


def _with_thread(first: Item, source: Iterator[Item]) -> Iterator[Item]:
    ready: Queue[Item | _End] = Queue(maxsize=1)

    def fetch() -> None:
        try:
            for item in source:
                ready.put(item)
        except BaseException as error:  # to be raised in the thread that works
            ready.put(_End(error))
        else:
            ready.put(_End())

    # A daemon: a worker whose task fails does not wait for input that nobody will send.
    threading.Thread(target=fetch, name="read-ahead", daemon=True).start()
    yield first
    while not isinstance(item := ready.get(), _End):
        yield item
    if item.error is not None:
        raise item.error
