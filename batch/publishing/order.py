"""What one call of the publisher sends: history, then follow-ups at a rate."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from batch.publishing.disturbance import Disturbance, WithDuplicates, jittered
from batch.publishing.event_source import EventSource, Record
from batch.publishing.publisher import Pace, Published, publish
from scenarios.contract.scenario import Scenario
from stores.kafka.errors import KafkaDown
from stores.kafka.producer import open_producer
from stores.kafka.topics import require_topics

_SHOWN_BYTES = 300
_SAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to publish: history or not, with labels or not, and follow-ups when `pace` is given.

    `history_rate` is in records per second, 0 for as fast as Kafka takes them.
    """

    history: bool
    labels: bool
    pace: Pace | None
    bad_share: float
    seed: int
    history_rate: float = 0.0
    disturbance: Disturbance = field(default_factory=Disturbance)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Records of one kind of source; `total` is None when it is not known beforehand."""

    title: str
    records: Iterable[Record]
    pace: Pace
    total: int | None


def phases(
    source: EventSource, order: Order, *, now: Callable[[], datetime], too_large_bytes: int
) -> list[Phase]:
    """The phases of `order`; nothing is sent."""
    ordered_phases = []
    if order.history:
        records = source.history(with_labels=order.labels)
        pace = Pace(records_per_second=order.history_rate or None)
        ordered_phases.append(
            Phase(title="history", records=records, pace=pace, total=len(records))
        )
    if order.pace is not None:
        follow_ups = _follow_ups(source, order, now=now, too_large_bytes=too_large_bytes)
        total = order.pace.total
        ordered_phases.append(
            Phase(title="follow-ups", records=follow_ups, pace=order.pace, total=total)
        )
    return ordered_phases


def _follow_ups(
    source: EventSource, order: Order, *, now: Callable[[], datetime], too_large_bytes: int
) -> Iterable[Record]:
    disturbance, seed = order.disturbance, order.seed
    clock = jittered(
        now, share=disturbance.disorder_share, seconds=disturbance.disorder_seconds, seed=seed
    )
    records = source.follow_ups(
        seed=seed, now=clock, bad_share=order.bad_share, too_large_bytes=too_large_bytes
    )
    return WithDuplicates(records, disturbance.duplicate_share, seed)


def show_samples(phases: Sequence[Phase], console: Console) -> None:
    """Print how many records each phase has and its first three."""
    for phase in phases:
        count = "endless" if phase.total is None else f"{phase.total:,} records"
        console.print(f"{phase.title}: {count}, for example", highlight=False)
        for record in islice(phase.records, _SAMPLES):
            value = (record.value or b"").decode("utf-8", errors="replace")
            line = f"  {record.topic_kind} {record.key!r} {value[:_SHOWN_BYTES]}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print("nothing was published (dry run)")


def publish_all(
    phases: Sequence[Phase],
    scenario: Scenario,
    *,
    client_options: Mapping[str, Any],
    max_event_bytes: int,
    console: Console,
    topic_kinds: Sequence[str] = ("events", "labels"),
) -> None:
    """Publish the phases with a progress bar, then print what Kafka acknowledged.

    client_options: keyword arguments of every kafka-python client; topic_kinds: of the records.
    The summary is printed after an
    interruption too. Raises `TopicMissing`, and `KafkaDown` when records were not
    acknowledged.
    """
    topics = {kind: scenario.topic(kind) for kind in topic_kinds}
    require_topics(client_options, list(topics.values()))
    published = Published()
    try:
        with (
            open_producer(client_options, max_event_bytes=max_event_bytes) as producer,
            _progress(console) as progress,
        ):
            for phase in phases:
                task = progress.add_task(phase.title, total=phase.total)
                publish(
                    phase.records,
                    producer,
                    published,
                    topics=topics,
                    pace=phase.pace,
                    on_sent=lambda task=task: progress.advance(task),  # type: ignore[misc]
                )
    finally:
        show_summary(published, console)
    if published.failed:
        reasons = dict(published.errors) or "no answer in time"
        raise KafkaDown(f"{published.failed:,} records were not acknowledged: {reasons}")


def show_summary(published: Published, console: Console) -> None:
    """Print counts and offsets per topic partition, and one line with the sums."""
    table = Table("topic", "partition", "records", "first offset", "last offset", box=None)
    for (topic, partition), count in sorted(published.partitions.items()):
        offsets = (f"{count.first_offset}", f"{count.last_offset}")
        table.add_row(topic, f"{partition}", f"{count.records:,}", *offsets)
    if published.partitions:
        console.print(table)
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in published.kinds.most_common())
    console.print(
        f"published {published.acknowledged:,} records ({published.bad:,} bad ones sent, "
        f"{published.failed:,} not acknowledged): {kinds or 'none'}",
        highlight=False,
    )


class _RateColumn(ProgressColumn):
    """Records per second."""

    def render(self, task: Task) -> Text:
        """For example 1,000/s."""
        return Text(f"{task.finished_speed or task.speed or 0.0:,.0f}/s")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        console=console,
    )
