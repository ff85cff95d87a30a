"""How many costly requests run at once; further ones are told to come again.

A thread pool of some forty threads serves all operations. Scores and histories take a core or an
archive for a while; without a bound they would hold every thread, and latest rows would wait. So
a router of costly operations makes one `Capacity` and attaches it to each of them:

    capacity = Capacity(8, "scores")

    @router.post("/v1/{scenario}/what-if", dependencies=[Depends(capacity)])
    def what_if(...): ...
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from reports.metrics_file import Metric
from serving.problems import Refusal, too_busy


@dataclass(eq=False)  # FastAPI remembers dependencies by their hash
class Capacity:
    """A dependency: at most `limit` requests are inside; the next one gets 429 and Retry-After.

    limit          requests at once, over all operations that it is attached to
    what           what is counted, for the sentence: "scores", "histories"
    retry_seconds  when a refused caller should come again

    A place is free again when the answer was sent. All calls are on the event loop, so the count
    needs no lock.
    """

    limit: int
    what: str = "requests of this kind"
    retry_seconds: float = 1.0
    taken: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)

    async def __call__(self) -> AsyncIterator[None]:
        """Take a place for the time of the request; raises `Refusal` 429."""
        if self.taken >= self.limit:
            self.refused += 1
            raise Refusal(
                too_busy(f"{self.limit} {self.what} are under way", seconds=self.retry_seconds)
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


def capacity_metrics(capacities: Sequence[Capacity]) -> Sequence[Metric]:
    """How full each is, and how many requests it has refused."""
    return [
        Metric(
            name="everscore_serving_places_taken",
            meaning="Costly requests that are under way.",
            samples=[({"what": capacity.what}, capacity.taken) for capacity in capacities],
        ),
        Metric(
            name="everscore_serving_busy_total",
            meaning="Costly requests that were refused with 429.",
            kind="counter",
            samples=[({"what": capacity.what}, capacity.refused) for capacity in capacities],
        ),
    ]
