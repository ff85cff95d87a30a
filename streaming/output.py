"""Rows for the Kafka sink: each carries the topic it goes to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

OUTPUT_SCHEMA = (
    "topic string, key binary, value binary, headers array<struct<key:string,value:binary>>"
)

_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_ARROW = pa.schema(
    [("topic", pa.string()), ("key", pa.binary()), ("value", pa.binary()), ("headers", _HEADERS)]
)

Headers = Sequence[tuple[str, str]]


@dataclass
class Output:
    """Collects messages in order and turns them into one Arrow batch."""

    topics: list[str] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[list[dict[str, object]] | None] = field(default_factory=list)

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

    def batch(self) -> pa.RecordBatch:
        """All messages as one Arrow batch of the sink's schema."""
        columns = [
            pa.array(self.topics, pa.string()),
            pa.array(self.keys, pa.binary()),
            pa.array(self.values, pa.binary()),
            pa.array(self.headers, _HEADERS),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=_ARROW)
