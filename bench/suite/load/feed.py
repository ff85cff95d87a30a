"""Publish a workload's events at a steady rate, each dated when it is sent."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from bench.suite.load.keys import OF_FEEDS
from bench.suite.load.times import Wanted
from bench.suite.load.workloads import WORKLOADS
from stores.kafka.producer import open_producer

_TICK_SECONDS = 0.01
_MAX_EVENT_BYTES = 1 << 20
_AHEAD_EVENTS = 10_000
_FLUSH_SECONDS = 30.0


@dataclass
class Pace:
    """How many events are due by now, since the first question."""

    events_per_second: float
    seconds: float
    clock: Callable[[], float] = time.monotonic
    began: float | None = None

    def due(self) -> int:
        """Events due altogether."""
        now = self.clock()
        if self.began is None:
            self.began = now
        return math.ceil(self.events_per_second * min(now - self.began, self.seconds))

    @property
    def total(self) -> int:
        """Events due in the end."""
        return math.ceil(self.events_per_second * self.seconds)


def main(
    bootstrap_servers: Annotated[str, typer.Option()],
    workload: Annotated[str, typer.Option()],
    keys: Annotated[str, typer.Option()],
    rate: Annotated[float, typer.Option()],
    seconds: Annotated[float, typer.Option()],
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Send them to the workload's topic; prints `feeding` at the first, `fed N` at the end."""
    source = WORKLOADS[workload]
    random = np.random.default_rng(seed)
    pace = Pace(rate, seconds)
    customers = OF_FEEDS[keys](pace.total, random)
    failed: list[BaseException] = []
    options = {"bootstrap_servers": bootstrap_servers, "linger_ms": 0}
    with open_producer(options, max_event_bytes=_MAX_EVENT_BYTES) as producer:
        print("feeding", flush=True)
        sent = 0
        while sent < pace.total:
            due = min(pace.due(), sent + _AHEAD_EVENTS)
            if due > sent:
                now_ms = np.full(due - sent, time.time_ns() // 1_000_000)
                wanted = Wanted(customers=customers[sent:due], times_ms=now_ms, first=sent + 1)
                values = source.events(random, wanted)
                for customer, value in zip(wanted.customers.tolist(), values, strict=True):
                    future = producer.send(source.topic, key=b"%d" % customer, value=value)
                    future.add_errback(failed.append)
                sent = due
            time.sleep(_TICK_SECONDS)
        producer.flush(timeout=_FLUSH_SECONDS)
    print(f"fed {sent - len(failed)} of {sent}", flush=True)
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    typer.run(main)
