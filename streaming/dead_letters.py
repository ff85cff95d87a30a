"""Refused events on the dead-letter topic: original bytes, and the reason in the headers."""

from collections.abc import Iterable

from features.reasons import Refusal
from streaming.batches import Batch
from streaming.output import Output


def add_dead_letters(
    output: Output,
    batch: Batch,
    refusals: Iterable[Refusal],
    *,
    topic: str,
    source_topic: str,
    epoch: int,
) -> None:
    """Append one message per refusal: key and value as they came, the rest in headers."""
    for refusal in refusals:
        offset = int(batch.records.offsets[refusal.row])
        headers = (
            ("reason_code", refusal.code),
            ("reason", refusal.sentence),
            ("source_topic", source_topic),
            ("source_partition", str(batch.partition)),
            ("source_offset", str(offset)),
            ("source_epoch", str(epoch)),
            ("source_timestamp_ms", str(int(batch.records.timestamps_ms[refusal.row]))),
        )
        key, value = batch.records.keys[refusal.row], batch.records.values[refusal.row]
        output.add(topic, key, value, headers)
