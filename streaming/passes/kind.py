"""Which pass a query runs on its workers: scoring, or maintaining a second entity's features."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from streaming.passes.batches import Batch

Batches = Iterator[pa.RecordBatch]


class OpenPass(Protocol):
    """A pass with its connections, on a worker."""

    def prepare(self) -> None:
        """Load and connect what the first event would wait for."""

    def tables(self, batch: Batch) -> Iterator[pa.Table]:
        """The messages about `batch`, part by part; what they say is in the store by then."""


@dataclass(frozen=True, kw_only=True)
class PassKind:
    """A pass by its functions, which must be picklable.

    name      for log lines and the query's name
    process   (batches, *, settings): the pass over the Arrow batches of one task
    warm_up   (batches, *, settings, seconds): makes a worker ready, passes its rows on
    opened    (settings): the pass of this process, for frames of real-time mode
    """

    name: str
    process: Callable[..., Batches]
    warm_up: Callable[..., Batches]
    opened: Callable[..., OpenPass]

    def function(self, settings: object) -> Any:
        """`process` bound to `settings`, for `mapInArrow`."""
        return partial(self.process, settings=settings)
