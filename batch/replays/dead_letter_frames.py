"""Dead letters as rows, from the archive and the topic, each refused event once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch.records.archived import header
from stores.records.epochs import EpochStart

POSITION = ("epoch", "partition", "offset")
_TEXTS = ("reason_code", "reason", "value_sha256")
_NUMBERS = {
    "epoch": "source_epoch",
    "partition": "source_partition",
    "offset": "source_offset",
    "arrived_ms": "source_timestamp_ms",
    "value_bytes": "value_bytes",
    "home": "home_partition",
}


@dataclass(frozen=True, kw_only=True)
class DeadLetterChoice:
    """Which dead letters are meant; what is empty or None leaves all in.

    since_ms, until_ms: by when the event reached Kafka, [since, until), UTC epoch milliseconds;
    keys: record keys; positions: partition → offsets of the refused events
    """

    reasons: Sequence[str] = ()
    keys: Sequence[bytes] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    positions: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def of(self, letters: DataFrame) -> DataFrame:
        """The selected rows of `dead_letters`."""
        if self.reasons:
            letters = letters.where(F.col("reason_code").isin(list(self.reasons)))
        if self.keys:
            is_key = F.lit(False)
            for key in self.keys:
                is_key = is_key | (F.col("key") == F.lit(key))
            letters = letters.where(is_key)
        if self.since_ms is not None:
            letters = letters.where(F.col("arrived_ms") >= self.since_ms)
        if self.until_ms is not None:
            letters = letters.where(F.col("arrived_ms") < self.until_ms)
        if self.positions:
            is_at = F.lit(False)
            for partition, offsets in self.positions.items():
                at = (F.col("partition") == partition) & F.col("offset").isin(list(offsets))
                is_at = is_at | at
            letters = letters.where(is_at)
        return letters


def dead_letters(
    frames: Sequence[DataFrame], *, source_topic: str, first_epochs: Mapping[int, int]
) -> DataFrame:
    """Every dead letter of `source_topic` once: key, value, headers of each of `frames` together.

    Columns: key, value, epoch, partition, offset (of the refused event), arrived_ms, reason_code,
    reason, value_bytes, value_sha256, home (null where it has none). A restart repeats messages,
    a rebuild refuses events again in its new epoch, and the archive holds what the topic does.
    first_epochs: epoch → the first one of the same incarnation of the topic, which stands for it.
    """
    rows = None
    for frame in frames:
        letters = frame.where(header("source_topic") == source_topic).select(
            "key",
            "value",
            *(header(text).cast("bigint").alias(name) for name, text in _NUMBERS.items()),
            *(header(name).alias(name) for name in _TEXTS),
        )
        rows = letters if rows is None else rows.unionByName(letters)
    if rows is None:
        raise ValueError("no frame of dead letters was given")
    later = [F.when(F.col("epoch") == epoch, first) for epoch, first in first_epochs.items()]
    others = [name for name in rows.columns if name not in POSITION]
    named = rows.withColumn("letter_epoch", F.col("epoch"))
    named = named.withColumn("epoch", F.coalesce(*later, F.col("epoch")))
    newest = F.max_by(F.struct(*others), "letter_epoch").alias("newest")
    return named.groupBy(*POSITION).agg(newest).select(*POSITION, "newest.*")


def first_epochs(starts: Sequence[EpochStart]) -> Mapping[int, int]:
    """Epoch → the first one whose offsets count in the same incarnation of the topic."""
    firsts: dict[str, int] = {}
    for start in sorted(starts, key=lambda start: start.epoch):
        firsts.setdefault(start.topic_id, start.epoch)
    return {start.epoch: firsts[start.topic_id] for start in starts}
