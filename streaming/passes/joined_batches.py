"""Arrow batches of a task joined to those that a pass takes at once.

A pass writes one row per entity and batch, so large batches cost the store least. Small ones cost
Spark's JVM least: it reuses memory for them, copies less, and allocates nothing.
"""

from collections.abc import Iterator

import pyarrow as pa

# How large Arrow batches between Spark's JVM and its Python workers are. The JVM reuses memory for
# small batches and allocates it again for each large one: 120,000 messages at once cost it 11 µs of
# CPU each, in slices 8.
ARROW_ROWS = 4_000

# What a worker holds of one task's input, however large events are; one Arrow batch may be larger.
MOST_BYTES = 64 << 20


def joined(
    batches: Iterator[pa.RecordBatch], *, most_rows: int, most_bytes: int = MOST_BYTES
) -> Iterator[pa.RecordBatch]:
    """`batches` in order, as few as possible of at most `most_rows` rows and `most_bytes` bytes.

    None of them is cut: one that is larger alone comes as it is. Empty ones are left out.
    """
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        if held and (rows + batch.num_rows > most_rows or size + batch.nbytes > most_bytes):
            yield _one(held)
            held, rows, size = [], 0, 0
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
    if held:
        yield _one(held)


def _one(held: list[pa.RecordBatch]) -> pa.RecordBatch:
    return held[0] if len(held) == 1 else pa.concat_batches(held)
