"""How far streams have come, per partition, as tables for people."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Column, Table

from scenarios.contract.keyed import Keyed, KeyedEntity
from stores.hbase.connection import Session
from stores.kafka.cluster import KafkaCluster
from stores.records.rekey_counts import RekeyCountTable
from streaming.position.progress import Markers, PartitionProgress


def stream_progress(keyed: Keyed, partitions: Sequence[PartitionProgress]) -> Table:
    """How far the events topic of `keyed` is in its states.

    The counts are those of the last batches, as many as a state has stored versions. An end is that
    of what is committed; offsets behind it belong to transactions that are still open.
    """
    counted = ("uncommitted", "left full windows", "unknown second entities", "unscorable")
    heads = ("partition", "first", "end", "done up to", "waiting", *counted, "last batch")
    table = Table(*heads, title=keyed.topic("events"))
    for part in partitions:
        lost = sum(marker.dropped_from_windows for marker in part.markers)
        unknown = sum(marker.unknown_second_entities for marker in part.markers)
        unscorable = sum(marker.unscorable for marker in part.markers)
        offsets = (part.partition, part.first, part.end, part.done_upto, part.waiting)
        numbers = (*offsets, part.uncommitted, lost, unknown, unscorable)
        table.add_row(*(f"{n:,}" for n in numbers), _age(part.written_at_ms))
    return table


def unscorable_causes(keyed: Keyed, markers: Markers) -> list[str]:
    """A line per partition whose last batches hold events that could not be judged: the newest."""
    lines = []
    for partition, recent in markers.items():
        newest = next(
            (marker for marker in recent if marker.unscorable or marker.challenger_fallbacks), None
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


def shadow_counts(markers: Markers) -> list[str]:
    """A line when a shadow scored events of the last batches: how many, and how many it failed."""
    every = [marker for recent in markers.values() for marker in recent]
    scored = sum(marker.shadow_scored for marker in every)
    failures = sum(marker.shadow_failures for marker in every)
    if not scored:
        return []
    return [f"shadow: {scored:,} events of the last batches, {failures:,} of them failed"]


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
