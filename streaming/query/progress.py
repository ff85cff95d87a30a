"""How far Spark's queries have read, by their own progress: it shows whether a restart helped."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, int]


def positions(query: Any) -> Mapping[Place, int]:
    """(topic, partition) → offset after the last batch that `query` has finished.

    Empty before the first batch, and when Spark's JVM is gone.
    """
    try:
        progress = query.lastProgress
        sources = progress["sources"] if progress else ()
    except Exception:  # py4j raises various errors when the JVM is gone
        return {}
    reached: dict[Place, int] = {}
    for source in sources:
        for topic, ends in _offsets(source["endOffset"]).items():
            reached |= {(topic, int(partition)): int(end) for partition, end in ends.items()}
    return reached


def _offsets(text: object) -> Mapping[str, Mapping[str, int]]:
    try:
        ends = json.loads(str(text))
    except ValueError:  # "None", while nothing was read
        return {}
    return ends if isinstance(ends, dict) else {}


@dataclass
class Progress:
    """The furthest offsets that queries have read over all of their runs, by query name."""

    _furthest: dict[tuple[str, Place], int] = field(default_factory=dict)

    def has_grown(self, queries: Sequence[Any]) -> bool:
        """Whether every one of `queries` is further than in any earlier run; it is recorded.

        A query that was started again repeats batches: only what it had never read counts.
        """
        grown = [self._grows(query) for query in queries]  # all of them: each is recorded
        return bool(grown) and all(grown)

    def _grows(self, query: Any) -> bool:
        grows = False
        for place, end in positions(query).items():
            key = (str(query.name), place)
            if end > self._furthest.get(key, -1):
                self._furthest[key], grows = end, True
        return grows
