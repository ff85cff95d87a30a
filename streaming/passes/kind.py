"""Which pass a query runs on its workers: scoring, or maintaining a second entity's features."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True, kw_only=True)
class PassKind:
    """A pass by its functions, which must be picklable.

    name      for log lines and the query's name
    process   (batches, *, settings): the pass over the Arrow batches of one task
    warm_up   (batches, *, settings, seconds): makes a worker ready, passes its rows on
    """

    name: str
    process: Callable[..., Batches]
    warm_up: Callable[..., Batches]

    def function(self, settings: object) -> Any:
        """`process` bound to `settings`, for `mapInArrow`."""
        return partial(self.process, settings=settings)
