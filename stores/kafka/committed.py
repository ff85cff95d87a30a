"""Only committed records are read, by every client of events and labels, and few at a time.

Kafka Streams, Flink, Spring and Connect write transactions. What they abort never happened, and
their markers take offsets that hold no record.
"""

from collections.abc import Mapping

# As Spark's Kafka source and as kafka-python's consumer take it. Both then also give a partition's
# last stable offset as its end: what lies behind belongs to a transaction that is still open.
COMMITTED_SOURCE: Mapping[str, str] = {"kafka.isolation.level": "read_committed"}
COMMITTED_CLIENT: Mapping[str, str] = {"isolation_level": "read_committed"}

# For jobs that read a topic whole: what a poll holds is decompressed. lz4, which our own sinks
# write, unpacks one byte to at most 255.
BOUNDED_SOURCE: Mapping[str, str] = {"kafka.max.partition.fetch.bytes": "262144"}
