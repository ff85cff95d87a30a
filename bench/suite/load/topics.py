"""Topics of a measurement: created again, and filled before a system starts."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from bench.suite.load.keys import Customers
from bench.suite.load.times import Wanted, spread_times
from bench.suite.load.workloads import WORKLOADS, Workload
from stores.kafka.cluster import KafkaCluster
from stores.kafka.errors import TopicMissing
from stores.kafka.producer import open_producer
from stores.kafka.topic_plan import TopicSpec, create_topics

_WAIT_SECONDS = 60.0
_CHUNK_EVENTS = 20_000
_MAX_EVENT_BYTES = 1 << 20
_FLUSH_SECONDS = 60.0
# The windows of the workload with history are up to 30 days long.
_HISTORY_DAYS = 60.0
_SEED = 42


class LoadIncomplete(RuntimeError):
    """The topic does not hold exactly what was published."""

    exit_code = 1


def remade(kafka: KafkaCluster, specs: Sequence[TopicSpec], *, partitions: int) -> None:
    """Delete and make the topics again, empty."""
    names = [spec.name for spec in specs]
    with kafka.admin() as admin:
        existing = set(names) & set(admin.list_topics())
        if existing:
            admin.delete_topics(sorted(existing))
        _wait(lambda: not existing & set(admin.list_topics()), f"{sorted(existing)} are deleted")
    create_topics(kafka, specs, partitions=partitions, replication_factor=1)
    _wait(lambda: _answer(kafka, names, partitions), f"{names} have {partitions} partitions")


def _answer(kafka: KafkaCluster, names: Sequence[str], partitions: int) -> bool:
    try:
        surveys = kafka.survey(names)
    except (TopicMissing, KafkaError, ConnectionError):
        return False
    return all(len(survey.identity.partitions) == partitions for survey in surveys.values())


def _wait(holds: Any, what: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise LoadIncomplete(f"after {_WAIT_SECONDS:.0f} s it does not hold that {what}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Loaded:
    """A filled topic: partition → the customer of each offset from 0, int64."""

    customers: Mapping[int, npt.NDArray[np.int64]]

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(len(customers) for customers in self.customers.values())

    @cached_property
    def last_offsets(self) -> Mapping[str, int]:
        """Customer → the offset of the customer's last event."""
        offsets: dict[str, int] = {}
        for customers in self.customers.values():
            last = dict(zip(customers.tolist(), range(len(customers)), strict=True))
            offsets.update((str(customer), offset) for customer, offset in last.items())
        return offsets


def partitions_of(customers: Customers, partitions: int) -> Customers:
    """The partition of each customer's key, as Kafka's clients choose it; int64 (n,)."""
    distinct, rows = np.unique(customers, return_inverse=True)
    hashes = [murmur2(str(customer).encode()) & 0x7FFF_FFFF for customer in distinct.tolist()]
    places: Customers = (np.array(hashes, dtype=np.int64) % partitions)[rows]
    return places


def fill(
    workload: Workload,
    customers: Customers,
    *,
    partitions: int,
    client_options: Mapping[str, Any],
) -> Loaded:
    """Publish an event for each of `customers`, in order, its values the same every time.

    Every partition has a process of its own. Raises `LoadIncomplete` when an event was not
    acknowledged.
    """
    places = partitions_of(customers, partitions)
    now_ms = int(time.time() * 1000)
    times_ms = spread_times(len(customers), until_ms=now_ms, days=_HISTORY_DAYS)
    firsts = np.cumsum([1, *(int(np.sum(places == place)) for place in range(partitions))])
    shares = [
        Share(
            workload=workload.name,
            partition=place,
            wanted=Wanted(
                customers=customers[places == place],
                times_ms=times_ms[places == place],
                first=int(firsts[place]),
            ),
        )
        for place in range(partitions)
    ]
    workers = min(partitions, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        failures = list(pool.map(partial(publish, client_options=dict(client_options)), shares))
    lost = [reason for reasons in failures for reason in reasons]
    if lost:
        raise LoadIncomplete(f"{len(lost):,} of {len(customers):,} events are lost: {lost[0]}")
    return Loaded({share.partition: share.wanted.customers for share in shares})


@dataclass(frozen=True, kw_only=True)
class Share:
    """The events of one partition."""

    workload: str
    partition: int
    wanted: Wanted


def publish(share: Share, *, client_options: Mapping[str, Any]) -> list[str]:
    """Publish a share in order; returns why events were lost, one reason for each."""
    workload = WORKLOADS[share.workload]
    random = np.random.default_rng([_SEED, share.partition])
    failed: list[BaseException] = []
    with open_producer(client_options, max_event_bytes=_MAX_EVENT_BYTES) as producer:
        for part in _parts(share.wanted):
            values = workload.events(random, part)
            for customer, value in zip(part.customers.tolist(), values, strict=True):
                future = producer.send(
                    workload.topic, key=b"%d" % customer, value=value, partition=share.partition
                )
                future.add_errback(failed.append)
        producer.flush(timeout=_FLUSH_SECONDS)
    return [repr(error) for error in failed]


def _parts(wanted: Wanted) -> Iterator[Wanted]:
    for begin in range(0, len(wanted.customers), _CHUNK_EVENTS):
        part = slice(begin, begin + _CHUNK_EVENTS)
        yield Wanted(
            customers=wanted.customers[part],
            times_ms=wanted.times_ms[part],
            first=wanted.first + begin,
        )
