"""What the parts of the web service share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from conf.settings import Settings
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.streaming import kafka_cluster
from scenarios.contract.scenario import Scenario
from serving.access.capacity import Capacity
from serving.sessions import SessionPool
from stores.kafka.cluster import KafkaCluster
from streaming.position.staleness import StreamLag, stream_lag


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Recipes and pools; nothing here is connected before the first request.

    log            takes a line for the operator
    child_options  --env and --set of the service, for jobs that it starts
    """

    settings: Settings
    scenarios: Mapping[str, Scenario]
    log: Callable[[str], None] = field(default=print)
    child_options: Sequence[str] = ()

    @cached_property
    def pool(self) -> SessionPool:
        """Sessions with HBase for the threads of the service."""
        retry_seconds = self.settings.serving.retry_seconds
        return SessionPool(hbase_store(self.settings), retry_seconds=retry_seconds)

    @cached_property
    def kafka(self) -> KafkaCluster:
        """Where the topics are."""
        return kafka_cluster(self.settings)

    @cached_property
    def scores(self) -> Capacity:
        """Scorings at once."""
        return Capacity(self.settings.serving.concurrent_scores, "scorings")

    @cached_property
    def histories(self) -> Capacity:
        """Readings of the archive at once."""
        return Capacity(self.settings.serving.concurrent_histories, "readings of the archive")

    @cached_property
    def files(self) -> Capacity:
        """Files that are read, and overlays that are made, at once."""
        return Capacity(self.settings.serving.concurrent_scores, "readings of files")

    def lag_reader(self, scenario: Scenario, *, limit_seconds: float) -> Callable[[], StreamLag]:
        """Asks Kafka and HBase how far the stream of `scenario` is behind."""

        def read() -> StreamLag:
            with self.pool.session() as session:
                return stream_lag(scenario, self.kafka, session, limit_seconds=limit_seconds)

        return read
