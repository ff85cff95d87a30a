"""How far streams have come, per partition, as tables for people."""

from datetime import UTC, datetime

from rich.table import Column, Table

from scenarios.contract.keyed import Keyed, KeyedEntity
from stores.hbase.connection import Session
from stores.hbase.states import Marker, StateTable
from stores.kafka.cluster import KafkaCluster, Survey
from stores.records.epochs import EpochRecord
from stores.records.rekey_counts import RekeyCountTable
from streaming.position.gaps import Gaps


def stream_progress(
    keyed: Keyed,
    kafka: KafkaCluster,
    session: Session,
    epoch: EpochRecord | None,
    *,
    survey: Survey,
) -> Table:
    """How far the events topic of `keyed`, as in `survey`, is in its states of `epoch`.

    Nothing is of a topic that is not the epoch's, or of partitions that the epoch lacks. The counts
    are those of the last batches, as many as a state has stored versions. An end is that of what is
    committed; offsets behind it belong to transactions that are still open.
    """
    counted = ("uncommitted", "left full windows", "unknown second entities", "unscorable")
    heads = ("partition", "first", "end", "done up to", "waiting", *counted, "last batch")
    table, states = Table(*heads, title=keyed.topic("events")), StateTable(session, keyed.name)
    topic = keyed.topic("events")
    gaps, uncommitted = Gaps(kafka, topic), kafka.uncommitted(topic)
    for partition, (first, end) in survey.offsets.items():
        marker = states.newest_marker(partition)
        upto = max(first, done_upto(marker, survey, epoch, partition=partition))
        recent_markers = [
            batch_marker for _, batch_marker in states.kept_markers(partition).markers
        ]
        lost = sum(batch_marker.dropped_from_windows for batch_marker in recent_markers)
        unknown = sum(batch_marker.unknown_second_entities for batch_marker in recent_markers)
        # Behind the last record may stand the marker of its transaction: nothing that waits.
        waiting = 0 if gaps.are_empty(partition, upto, end) else end - upto
        still_open = uncommitted.get(partition, 0)
        unscorable = sum(batch_marker.unscorable for batch_marker in recent_markers)
        counts = (lost, unknown, unscorable)
        numbers = (partition, first, end, upto, waiting, still_open, *counts)
        table.add_row(*(f"{n:,}" for n in numbers), _age(marker.written_at_ms if marker else None))
    gaps.close()
    return table


def done_upto(
    marker: Marker | None, survey: Survey, epoch: EpochRecord | None, *, partition: int
) -> int:
    """The offset before which all of the partition's events are in the states of `epoch`."""
    if epoch is None or epoch.topic_id != survey.identity.topic_id:
        return 0
    if marker is not None and marker.epoch == epoch.epoch:
        return marker.offset + 1
    return epoch.first_offsets.get(partition, 0)


def unscorable_causes(keyed: Keyed, kafka: KafkaCluster, session: Session) -> list[str]:
    """A line per partition whose last batches hold events that could not be judged: the newest."""
    states, lines = StateTable(session, keyed.name), []
    for partition in kafka.offsets(keyed.topic("events")):
        recent_markers = [marker for _, marker in states.kept_markers(partition).markers]
        newest = next(
            (
                marker
                for marker in recent_markers
                if marker.unscorable or marker.challenger_fallbacks
            ),
            None,
        )
        if newest is not None:
            fallbacks = f", {newest.challenger_fallbacks:,} judged by the champion instead of the "
            lines.append(
                f"{keyed.topic('events')}-{partition}: {newest.unscorable:,} unscorable in the "
                f"batch that ends at offset {newest.offset:,}"
                + (f"{fallbacks}challenger" if newest.challenger_fallbacks else "")
                + (f": {newest.unscorable_cause}" if newest.unscorable_cause else "")
            )
    return lines


def rekeying_progress(keyed: KeyedEntity, kafka: KafkaCluster, session: Session) -> Table:
    """What of the scenario's topics was re-keyed for `keyed`, and what became of it."""
    first = Column("partition", overflow="fold")
    heads = ("end", "read up to", "sent", "left out", "refused", "last batch")
    table = Table(first, *heads, title=f"re-keyed for {keyed.name}")
    rekey_counts = RekeyCountTable(session, keyed.name)
    for topic in keyed.source_topics:
        for partition, (_, end) in kafka.offsets(topic).items():
            newest = rekey_counts.below(topic, partition, position=None)
            counts = (newest.sent, newest.left_out, newest.refused) if newest else (0, 0, 0)
            upto = newest.offset + 1 if newest else 0
            shown = f"{upto:,}" if upto <= end else f"{upto:,} of an earlier topic"
            age = _age(newest.written_at_ms if newest else None)
            numbers = (f"{n:,}" for n in counts)
            table.add_row(f"{topic}-{partition}", f"{end:,}", shown, *numbers, age)
    return table


def _age(written_at_ms: int | None) -> str:
    if not written_at_ms:  # also of the marker that an epoch begins with
        return "never"
    return f"{datetime.now(UTC).timestamp() - written_at_ms / 1000:,.0f} s ago"
