"""Several queries of one Spark application that run, restart and stop together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streaming.query.progress import Place
from streaming.query.supervisor import Running


@dataclass(frozen=True)
class Queries:
    """Spark's queries as one: active while all are."""

    parts: Sequence[Any]

    @property
    def isActive(self) -> bool:
        """Whether every query runs."""
        return all(part.isActive for part in self.parts)

    def exception(self) -> object | None:
        """The failure of the first query that has one."""
        return next((failure for part in self.parts if (failure := part.exception())), None)


@dataclass(frozen=True)
class RunningTogether:
    """Started queries with all that belongs to them."""

    parts: Sequence[Running]

    @property
    def query(self) -> Queries:
        """All of their queries."""
        return Queries(self.queries)

    @property
    def queries(self) -> Sequence[Any]:
        """Those of all parts, in their order."""
        return [query for part in self.parts for query in part.queries]

    def reached(self) -> Mapping[Place, int]:
        """(topic, partition) → offset up to which batches are finished, of each."""
        return {place: at for part in self.parts for place, at in part.reached().items()}

    def check(self) -> None:
        """Check each; raises what the first one raises."""
        for part in self.parts:
            part.check()

    def stop(self) -> None:
        """Stop each, the last one first, whatever the others raise."""
        _stop(self.parts)


@dataclass(frozen=True)
class StartTogether:
    """Starts queries in order; when one cannot be started, none is left running."""

    starters: Sequence[Callable[[], Running]]

    def __call__(self) -> RunningTogether:
        """Raises what the failing start raises."""
        running: list[Running] = []
        try:
            for start in self.starters:
                running.append(start())
        except BaseException:
            _stop(running)
            raise
        return RunningTogether(tuple(running))


def _stop(running: Sequence[Running]) -> None:
    if running:
        try:
            running[-1].stop()
        finally:
            _stop(running[:-1])
