"""The thread in which a service keeps the queue of a scenario."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from scenarios.contract.review.decisions import TOPIC_KIND
from serving.review_queue.case_store import OpenStore
from serving.review_queue.kafka_topics import kafka_cases, kafka_decisions
from serving.review_queue.keeper import Keeper, Log, nothing_shown
from serving.review_queue.messages import Shown
from serving.review_queue.rules import QueueRules
from stores.hbase.connection import HBaseStore, StoreDown, TableMissing
from stores.kafka.cluster import KafkaCluster
from stores.kafka.errors import KafkaDown, TopicMissing
from stores.records.erasures import ErasedEntities
from stores.records.leases import LeaseHeld, LeaseLost, lease

LEASE = "review"
_RETRY_SECONDS = 2.0
# How often it is asked whether the topic is still the same one.
_LOOK_SECONDS = 30.0


@dataclass
class KeeperThread:
    """Keeps the queue of a scenario for as long as the service runs.

    Of several processes the one that holds the lease does; the others wait for it to end. An
    outage of HBase or Kafka is waited for; decisions are stored in HBase meanwhile, or refused.
    """

    scenario: str
    rules: QueueRules
    open_store: OpenStore
    hbase: HBaseStore
    kafka: KafkaCluster
    max_bytes: int
    log: Log
    erased: Callable[[], ErasedEntities] = ErasedEntities
    idle_seconds: float = 0.5
    shown: Shown = nothing_shown
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin in a thread of its own."""
        name = f"review {self.scenario}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the current step."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def check(self) -> str | None:
        """None while the thread runs, or waits for an outage to end; otherwise what is wrong."""
        if self._thread is not None and self._thread.is_alive():
            return None
        return f"nobody here keeps the review queue of {self.scenario}: start the service again"

    def _run(self) -> None:
        said = ""
        while not self._stop.is_set():
            try:
                self._keep()
                said = ""
            except (LeaseHeld, LeaseLost):
                said = ""
            except (StoreDown, TableMissing, KafkaDown, TopicMissing) as error:
                if str(error) != said:  # once for each outage
                    said = str(error)
                    self.log(f"review of {self.scenario} waits: {said}")
            self._stop.wait(_RETRY_SECONDS)

    def _keep(self) -> None:
        """Step after step, until told to stop or the topic is another one."""
        cases, decisions = f"{self.scenario}.review", f"{self.scenario}.{TOPIC_KIND}"
        letters = f"{self.scenario}.dead-letter"
        with (
            lease(self.hbase, self.scenario, LEASE, job="serve", log=self.log) as current,
            kafka_cases(self.kafka, cases, self.log) as topic,
            kafka_decisions(self.kafka, decisions, max_bytes=self.max_bytes) as publish,
            self.open_store() as store,
            ExitStack() as stack,
        ):
            keeper = Keeper(self.scenario, self.rules, store, topic, publish, self.erased, self.log)
            topics = [topic]
            if self.rules.plan.reviews_refused:
                topics.append(stack.enter_context(kafka_cases(self.kafka, letters, self.log)))
                keeper.letters, keeper.shown = topics[1], self.shown
            look_at = time.monotonic() + _LOOK_SECONDS
            while not self._stop.is_set():
                current.check()
                if not keeper.step():
                    self._stop.wait(self.idle_seconds)
                if time.monotonic() > look_at:
                    if any(self.kafka.identity(t.topic).topic_id != t.topic_id for t in topics):
                        return
                    look_at = time.monotonic() + _LOOK_SECONDS
