"""Results of the measurements, as plain values for the report and the file."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """One saturated run; rates and CPU within the measured window, memory at its peak.

    stale_rows: None when the run's time was over before the topic's end.
    """

    workload: str
    keys: str
    system: str
    round_number: int
    events_per_second: float
    rows_per_second: float | None
    cpu_seconds_per_million: float
    hbase_cpu_seconds_per_million: float
    kafka_cpu_seconds_per_million: float
    peak_rss_mib: float
    peak_pss_mib: float
    stale_rows: int | None


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """What HBase alone gives two clients that do nothing else, in rows per second."""

    workload: str
    keys: str
    round_number: int
    put: float
    get: float
    get_and_put: float


@dataclass(frozen=True, kw_only=True)
class Latency:
    """One run at a steady rate, in milliseconds from an event's own time to its readable row.

    first_: of the first minute of the load, cold; the others after the warm-up. cpu_ms_per_event:
    what the system's own processes used then, not Kafka's and HBase's.
    """

    workload: str
    system: str
    round_number: int
    events_per_second: float
    samples: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    first_p50_ms: float
    first_p99_ms: float
    cpu_ms_per_event: float


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """One SIGKILL under load, started again at once.

    seconds: from the kill until the row of an event published after it was readable. missing_rows:
    customers whose row never showed their last event. differing_rows: those whose state or row is
    not what an undisturbed run over the same topic gives; None where there is no state to compare.
    """

    workload: str
    system: str
    round_number: int
    seconds: float
    rows: int
    missing_rows: int
    differing_rows: int | None

    @property
    def is_exact(self) -> bool:
        """Whether nothing shows that there was a kill."""
        return self.missing_rows == 0 and not self.differing_rows


@dataclass(frozen=True, kw_only=True)
class Surged:
    """One run through a surge: latencies in milliseconds before it, in it, and after its end.

    extra_events: the surge's, beside the usual load. back_seconds: from the surge's end until every
    later second was as quick as before it; None when it never was. stale_rows: customers whose row
    did not show their last event in the end. dropped: events that a full window buffer gave up
    while a window still reached them; None where nobody counts them.
    """

    workload: str
    system: str
    surge: str
    round_number: int
    extra_events: int
    before_p50_ms: float
    before_p99_ms: float
    in_p50_ms: float
    in_p99_ms: float
    after_p50_ms: float
    after_p99_ms: float
    back_seconds: float | None
    before_pss_mib: float
    peak_pss_mib: float
    stale_rows: int
    dropped: int | None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A run without a figure, and why."""

    part: str
    workload: str
    system: str
    round_number: int
    reason: str


@dataclass
class Results:
    """Everything measured so far."""

    throughput: list[Throughput] = field(default_factory=list)
    ceilings: list[Ceiling] = field(default_factory=list)
    latency: list[Latency] = field(default_factory=list)
    recovery: list[Recovery] = field(default_factory=list)
    surges: list[Surged] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
