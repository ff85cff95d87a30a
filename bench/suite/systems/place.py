"""Where one run of one system reads and writes: nothing of it is shared with another run."""

from dataclasses import dataclass
from pathlib import Path

from stores.hbase.connection import HBaseStore


@dataclass(frozen=True, kw_only=True)
class Place:
    """`name` is the HBase namespace, the consumer group and the log's name.

    table is in `store`'s namespace; folder is the system's own, for state and checkpoints.
    """

    name: str
    store: HBaseStore
    table: str
    topic: str
    output_topic: str
    folder: Path

    @property
    def full_table(self) -> str:
        """The table's name with its namespace."""
        return f"{self.store.namespace}:{self.table}"
