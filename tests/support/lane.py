"""A lane: topics, tables, checkpoints and jobs of one stream, by default of the tiny scenario."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import NewPartitions

from local.endpoints import Endpoints
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster
from stores.kafka.topic_plan import topic_specs
from stores.records.epochs import EpochRecord, read_epoch
from tests.support.processes import Job, start_job, wait_until
from tests.support.topics import empty_topics

PARTITIONS = 2
EVENTS = "tiny.events"
MAX_MESSAGE_BYTES = 16_777_216  # as in conf/base.toml
# A JVM, the imports and the first model on cores that others use as well.
START_SECONDS = 300.0
END_SECONDS = 600.0
STOP_SECONDS = 30.0
# A stream under load takes a core for triggers without a pause; beside jobs that are what is tested
# it need not.
CALM = ("stream.trigger_seconds=2",)


@dataclass
class Lane:
    """Where one stream of a scenario runs; one at a time, the topics' names are the same.

    undisturbed     a second, empty store for the replay that the stream is compared with
    shared_jvm      variables with which jobs that end by themselves share a Java
    stream_jvm      the same for streams that end by a signal
    """

    endpoints: Endpoints
    run_dir: Path
    store: HBaseStore
    undisturbed: HBaseStore
    folder: Path
    shared_jvm: Mapping[str, str] = field(default_factory=dict)
    stream_jvm: Mapping[str, str] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    scenario: str = "tiny"
    module: str = "tests.scenarios.tiny"

    @property
    def events(self) -> str:
        """The scenario's topic of events."""
        return f"{self.scenario}.events"

    @property
    def servers(self) -> str:
        """Kafka's address."""
        return self.endpoints.kafka_bootstrap_servers

    @property
    def kafka(self) -> KafkaCluster:
        """Kafka as the stream sees it."""
        return KafkaCluster(self.servers, timeout_seconds=30.0)

    def make_topics(self, *, partitions: int = PARTITIONS) -> None:
        """Delete the scenario's topics, whatever an earlier test left in them, and create them."""
        specs = topic_specs(self.scenario, max_message_bytes=MAX_MESSAGE_BYTES)
        empty_topics(self.kafka, specs, partitions=partitions)
        wait_until(self._topics_answer, timeout=60.0, what=f"leaders of {self.events}")

    def add_partitions(self, total: int) -> None:
        """Raise the partition count of the events topic."""
        with self.admin() as admin:
            admin.create_partitions({self.events: NewPartitions(total_count=total)})

    @contextlib.contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """Kafka's admin client."""
        client = KafkaAdminClient(bootstrap_servers=self.servers)
        try:
            yield client
        finally:
            client.close()

    def start(self, *arguments: str, settings: Sequence[str] = (), own_java: bool = False) -> Job:
        """Start score_stream through spark-submit.sh with further `arguments` and settings.

        It shares a Java with the streams before it, unless it is to have its own: one whose Java or
        driver is killed must.
        """
        variables = {} if own_java else self.stream_jvm
        return self._start("score_stream", arguments, settings, variables)

    def start_scoring(
        self, *arguments: str, settings: Sequence[str] = (), own_java: bool = False
    ) -> Job:
        """Start score_stream and wait until its query runs."""
        job = self.start(*arguments, settings=settings, own_java=own_java)
        job.wait_for(f"scoring {self.events} in epoch", timeout=START_SECONDS)
        return job

    def run(self, name: str, *arguments: str, settings: Sequence[str] = ()) -> Job:
        """Start the job `name` in this lane's environment."""
        return self._start(name, arguments, settings, {})

    def _start(
        self,
        name: str,
        arguments: Sequence[str],
        settings: Sequence[str],
        variables: Mapping[str, str],
    ) -> Job:
        all_settings = [
            f"scenarios.{self.scenario}={self.module}",
            f"hbase.namespace={self.store.namespace}",
            f"stream.checkpoint_root={self.folder / 'checkpoints'}",
            f"delta.root={self.folder / 'delta'}",
            f"reports.folder={self.folder / 'reports'}",
            *settings,
        ]
        options = [option for setting in all_settings for option in ("--set", setting)]
        log = self.folder / f"{len(self.jobs):02d}-{name}.log"
        environ = {"EVERSCORE_RUN_DIR": str(self.run_dir), **variables}
        command = [name, "--scenario", self.scenario, "--env", "local", *options, *arguments]
        job = start_job(command, log=log, environ=environ)
        self.jobs.append(job)
        return job

    def run_to_end(
        self,
        name: str,
        *arguments: str,
        settings: Sequence[str] = (),
        own_java: bool = False,
        timeout: float = END_SECONDS,
    ) -> Job:
        """Run the job `name` and wait for its end, whatever its exit code is.

        In the shared Java, unless it is to have its own, or its settings ask for another.
        """
        variables = {} if own_java else self.shared_jvm
        job = self._start(name, arguments, settings, variables)
        job.process.wait(timeout)
        return job

    def end(self) -> None:
        """End all jobs that still run, by a signal first: a shared Java outlives its job."""
        for job in self.jobs:
            if job.process.poll() is None:
                job.process.terminate()
        for job in self.jobs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.process.wait(STOP_SECONDS)
            job.end()

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A session over the lane's store."""
        session = Session(self.store, retry_seconds=60.0)
        try:
            yield session
        finally:
            session.close()

    def epoch(self) -> EpochRecord:
        """The epoch that the stream has begun."""
        with self.session() as session:
            record = read_epoch(session, self.scenario)
        assert record is not None, "the stream has not begun an epoch"
        return record

    def ends(self) -> dict[int, int]:
        """Partition → offset of the next event."""
        return {partition: end for partition, (_, end) in self.kafka.offsets(self.events).items()}

    def marked(self) -> dict[int, int]:
        """Partition → offset up to which rows are in the store, by its markers."""
        with self.session() as session:
            table = StateTable(session, self.scenario)
            markers = {p: table.newest_marker(p) for p in range(PARTITIONS)}
        return {p: marker.offset + 1 if marker else 0 for p, marker in markers.items()}

    def checkpointed(self) -> dict[int, int]:
        """Partition → where Spark's newest entry of the offset log ends; empty before the first."""
        runs = sorted((self.folder / "checkpoints" / self.scenario).glob("e*-g*/spark/offsets"))
        entries = [path for path in runs[-1].iterdir() if path.name.isdigit()] if runs else []
        if not entries:
            return {}
        newest = max(entries, key=lambda path: int(path.name))
        ends = json.loads(newest.read_text().splitlines()[-1])[self.events]
        return {int(partition): at for partition, at in ends.items()}

    def wait_for_progress(self, publish_more: Callable[[], object]) -> None:
        """Wait until Spark's offset log has reached the ends of the topic.

        Spark writes an entry with the first batch that begins a second or more after the entry
        before; a batch that comes sooner gets its entry with a later batch, or never on an idle
        topic. `publish_more`, run every five seconds, brings such a batch.
        """
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: self.checkpointed() == self.ends(), timeout=5.0, what="progress")
                return
            publish_more()
        raise TimeoutError(f"progress is at {self.checkpointed()}, the topic ends at {self.ends()}")

    def _topics_answer(self) -> bool:
        try:
            return len(self.ends()) >= 1
        except (RuntimeError, ConnectionError):
            return False
