"""Where the shops scenario's streams run: its own namespace, checkpoints and jobs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaProducer

from local.endpoints import Endpoints
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster
from stores.records.rekey_counts import RekeyCounts, RekeyCountTable
from tests.support.lane import END_SECONDS, START_SECONDS
from tests.support.processes import Job, start_job, wait_until
from tests.support.shop_events import Record

SHOP_EVENTS = "shops.shop.events"
SOURCES = ("shops.events", "shops.labels")


@dataclass
class ShopLane:
    """One stream of shops, with what tests need of it."""

    endpoints: Endpoints
    run_dir: Path
    folder: Path
    namespace: str
    jobs: list[Job] = field(default_factory=list)

    @property
    def store(self) -> HBaseStore:
        """The store of the lane."""
        host, port = self.endpoints.hbase_thrift_host, self.endpoints.hbase_thrift_port
        return HBaseStore(host, port, self.namespace, 60.0)

    @property
    def kafka(self) -> KafkaCluster:
        """Kafka as the stream sees it."""
        return KafkaCluster(self.endpoints.kafka_bootstrap_servers, timeout_seconds=30.0)

    def run(self, name: str, *arguments: str) -> Job:
        """Start the job `name` in this lane's environment."""
        settings = [
            "scenarios.shops=tests.scenarios.shops",
            f"hbase.namespace={self.namespace}",
            f"stream.checkpoint_root={self.folder / 'checkpoints'}",
        ]
        options = [option for setting in settings for option in ("--set", setting)]
        log = self.folder / f"{len(self.jobs):02d}-{name}.log"
        command = [name, "--scenario", "shops", "--env", "local", *options, *arguments]
        job = start_job(command, log=log, environ={"EVERSCORE_RUN_DIR": str(self.run_dir)})
        self.jobs.append(job)
        return job

    def run_to_end(self, name: str, *arguments: str) -> Job:
        """Run the job `name` and wait for its end, whatever its exit code is."""
        job = self.run(name, *arguments)
        job.process.wait(END_SECONDS)
        return job

    def start_features(self, *arguments: str) -> Job:
        """Start maintain_features and wait until both of its queries run."""
        job = self.run("maintain_features", *arguments)
        job.wait_for("re-keying for shops.shop, generation", timeout=START_SECONDS)
        return job

    def end(self) -> None:
        """End all jobs that still run."""
        for job in self.jobs:
            job.end()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session over the lane's store."""
        session = Session(self.store, retry_seconds=60.0)
        try:
            yield session
        finally:
            session.close()

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Send `records`; returns when Kafka has them."""
        producer = KafkaProducer(
            bootstrap_servers=self.endpoints.kafka_bootstrap_servers, acks="all", linger_ms=5
        )
        try:
            futures = [producer.send(topic, key=key, value=value) for key, value in records]
            for future in futures:
                future.get(timeout=60)
        finally:
            producer.close(timeout=30)

    def ends(self, topic: str) -> dict[int, int]:
        """Partition → offset of the next record."""
        return {partition: end for partition, (_, end) in self.kafka.offsets(topic).items()}

    def rekeyed(self) -> Mapping[tuple[str, int], RekeyCounts | None]:
        """(Source topic, partition) → what became of its records."""
        with self.session() as session:
            table = RekeyCountTable(session, "shops.shop")
            return {
                (topic, partition): table.below(topic, partition, position=None)
                for topic in SOURCES
                for partition in self.ends(topic)
            }

    def marked(self) -> dict[int, int]:
        """Partition of the shops' topic → offset up to which states are in the store."""
        with self.session() as session:
            table = StateTable(session, "shops.shop")
            markers = {p: table.newest_marker(p) for p in self.ends(SHOP_EVENTS)}
        return {p: marker.offset + 1 if marker else 0 for p, marker in markers.items()}

    def wait_until_folded(self, *, sent: int) -> None:
        """Wait until so many events were re-keyed at least, and all of them are in the states."""

        def is_done() -> bool:
            rekeyed = sum(counts.sent for counts in self.rekeyed().values() if counts is not None)
            return rekeyed >= sent and self.ends_are(self.marked())

        what = f"{sent} events folded: {self.rekeyed()}, {self.marked()}"
        wait_until(is_done, timeout=START_SECONDS, what=f"{what}\n{self.jobs[-1].output()[-3000:]}")

    def ends_are(self, offsets: Mapping[int, int]) -> bool:
        """Whether the shops' topic ends there, and is not empty."""
        ends = self.ends(SHOP_EVENTS)
        return ends == dict(offsets) and sum(ends.values()) > 0
