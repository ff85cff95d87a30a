"""Refused events on the dead-letter topic: their first bytes, and the reason in the headers.

The original stays on the source topic. A dead letter repeats at most a stated number of its bytes.
It always has the length and digest of the whole, so a reader sees what was cut, and can check it.
"""

from collections.abc import Iterable
from hashlib import sha256

from features.events import reasons
from features.events.cut_bytes import CutBytes
from features.events.reasons import Refusal
from streaming.passes.batches import Batch
from streaming.passes.output import Output

# No entity id is longer (features/events/rules.py), so no key that could be right is cut.
KEY_BYTES = 4_096
# Of a sentence that quotes the event.
_REASON_CHARACTERS = 1_000


def add_dead_letters(
    output: Output,
    batch: Batch,
    refusals: Iterable[Refusal],
    *,
    topic: str,
    source_topic: str,
    epoch: int,
    most_bytes: int,
) -> None:
    """Append one message per refusal: key and value as they came, the rest in headers.

    Of a value at most its first `most_bytes` bytes are repeated, of a key `KEY_BYTES`. The headers
    `value_bytes` and `value_sha256` (lower-case hex), `key_bytes` and `key_sha256` are those of the
    original; a null has none.
    """
    records = batch.records
    for refusal in refusals:
        row = refusal.row
        key, value = records.keys[row], records.values[row]
        if refusal.code == reasons.ERASED:  # what was erased is not repeated, nor its digest
            key, value = None, None
        headers = (
            ("reason_code", refusal.code),
            ("reason", refusal.sentence[:_REASON_CHARACTERS]),
            ("source_topic", source_topic),
            ("source_partition", str(batch.partition)),
            ("source_offset", str(int(records.offsets[row]))),
            ("source_epoch", str(epoch)),
            ("source_timestamp_ms", str(int(records.timestamps_ms[row]))),
            *_original("key", key, records.cut_keys.get(row)),
            *_original("value", value, records.cut_values.get(row)),
            *_home(refusal),
        )
        output.add(topic, _begin(key, KEY_BYTES), _begin(value, most_bytes), headers)


def _original(name: str, raw: bytes | None, cut: CutBytes | None) -> tuple[tuple[str, str], ...]:
    if raw is None:
        return ()
    whole = cut or CutBytes(len(raw), sha256(raw).hexdigest())
    return (f"{name}_bytes", str(whole.length)), (f"{name}_sha256", whole.sha256)


def _home(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    return () if refusal.home is None else (("home_partition", str(refusal.home)),)


def _begin(raw: bytes | None, most_bytes: int) -> bytes | None:
    return None if raw is None else raw[:most_bytes]
