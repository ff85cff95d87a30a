"""Rows for the Kafka sink: each carries the topic it goes to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from features.byte_column import ByteColumn

OUTPUT_SCHEMA = (
    "topic string, key binary, value binary, headers array<struct<key:string,value:binary>>"
)

_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
OUTPUT_ARROW = pa.schema(
    [("topic", pa.string()), ("key", pa.binary()), ("value", pa.binary()), ("headers", _HEADERS)]
)

Headers = Sequence[tuple[str, str]]


@dataclass
class Output:
    """Collects the messages of one batch; a topic's messages keep their order."""

    blocks: list[tuple[Any, ...]] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[list[dict[str, object]] | None] = field(default_factory=list)

    def add_many(self, topic: str, keys: ByteColumn, values: ByteColumn) -> None:
        """Append messages without headers for `topic`."""
        count = len(values)
        if count:
            columns = (pa.repeat(topic, count), keys.array, values.array)
            self._close_block()
            self.blocks.append((*columns, pa.nulls(count, _HEADERS)))

    def add(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Append one message for `topic`."""
        self.topics.append(topic)
        self.keys.append(key)
        self.values.append(value)
        packed: list[dict[str, object]] = [
            {"key": name, "value": text.encode()} for name, text in headers
        ]
        self.headers.append(packed or None)

    def table(self) -> pa.Table:
        """All messages in the sink's schema; blocks become chunks, nothing is copied."""
        self._close_block()
        blocks = [
            pa.RecordBatch.from_arrays(list(block), schema=OUTPUT_ARROW) for block in self.blocks
        ]
        return pa.Table.from_batches(blocks, schema=OUTPUT_ARROW)

    def _close_block(self) -> None:
        """Turn single messages into a block."""
        if not self.topics:
            return
        self.blocks.append(
            (
                pa.array(self.topics, pa.string()),
                pa.array(self.keys, pa.binary()),
                pa.array(self.values, pa.binary()),
                pa.array(self.headers, _HEADERS),
            )
        )
        self.topics, self.keys, self.values, self.headers = [], [], [], []
