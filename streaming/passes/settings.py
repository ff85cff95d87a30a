"""What the pass needs to know on a worker: a small picklable value."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.events.partitioners import MURMUR2, Layout, Placement
from stores.hbase.connection import HBaseStore
from stores.kafka.cluster import KafkaCluster


@dataclass(frozen=True, kw_only=True)
class TrialBounds:
    """How much a challenger or a shadow may fail and cost before a worker withdraws it.

    failed_share     share of its events that it may fail (0 to 1), from `failures` failures on
    time_ratio       its time per event as a multiple of the champion's; what a whole batch took the
                     champion is not counted, for a call of a few rows costs the most per row
    event_seconds    and in seconds; only beyond both is it too slow
    rows             events that it must have had before its time is judged
    slow_batches     batches that must have been too slow, so that one pause of the machine is none
    """

    failed_share: float = 0.01
    failures: int = 20
    time_ratio: float = 20.0
    event_seconds: float = 0.0002
    rows: int = 200
    slow_batches: int = 5


@dataclass(frozen=True, kw_only=True)
class PassSettings:
    """Settings of one run of the pass.

    first_offsets       partition → offset at which the epoch begins; its keys are all partitions
    partitioner         which partitioner places keys on these partitions
    retry_seconds       how long a worker waits for HBase before the task fails
    reread_seconds      least time between two reads of the deployment record
    reload_seconds      least time between two attempts to load a version that failed
    dead_letter_bytes   most bytes of a refused event that its dead letter repeats
    kafka               where a worker asks what a gap between offsets holds; None = it may not ask
    batch_rows          most events that the pass takes at once, the unit of a read and a write
    state_bytes         most bytes of stored states that it takes at once; more is cut into parts
    trial               bounds of challengers and shadows; beyond them a worker withdraws one
    regions             prefixes of the regions that have markers; None: the epoch has none, and
                        its first batch begins without a marker
    generation          number of the query's checkpoint
    """

    scenario: str
    module: str
    store: HBaseStore
    epoch: int
    first_offsets: Mapping[int, int]
    partitioner: str = MURMUR2
    max_event_bytes: int
    max_future_skew_seconds: float
    retry_seconds: float
    dead_letter_bytes: int = 1_048_576
    reread_seconds: float = 1.0
    reload_seconds: float = 30.0
    kafka: KafkaCluster | None = None
    batch_rows: int = 120_000
    state_bytes: int = 64 << 20
    artifact_cache: str = ""
    trial: TrialBounds = TrialBounds()
    regions: tuple[str, ...] | None = None
    generation: int = 0

    @property
    def value_bytes(self) -> int:
        """What a reader must pass on of a value: enough to refuse it, and to repeat it."""
        return max(self.max_event_bytes + 1, self.dead_letter_bytes)

    def placement(self, partition: int) -> Placement:
        """Where the records of a batch of `partition` lie."""
        layout = Layout(partitioner=self.partitioner, partitions=len(self.first_offsets))
        return Placement(layout=layout, partition=partition)
