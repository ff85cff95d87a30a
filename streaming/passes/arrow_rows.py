"""How large Arrow batches between Spark's JVM and its Python workers are."""

# Workers join what comes in (streaming/passes/joined_batches.py). The JVM reuses memory for small
# batches and allocates it again for each large one: handed over at once, 120,000 messages cost it
# 11 µs of CPU each, in slices 8.
ARROW_ROWS = 4_000
