"""JSON documents about single events; `streaming/messages/writer.py` writes a batch at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np
import numpy.typing as npt

from scenarios.contract.experiment import LoggedExperiment
from stores.hbase.predictions import Source

Ints = npt.NDArray[np.int64]

_encode = msgspec.json.Encoder().encode


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was folded into the state but gave no prediction, and why."""

    suppressed: str
    entity: str
    epoch: int
    event_time: datetime
    source: Source


def suppressed_because(awaited_feature: str | None) -> str:
    """The reason of an event that is suppressed while the required feature is missing."""
    return f"awaiting_{awaited_feature}"


def log_document(
    row: bytes, features: list[float], basis: bytes, experiment: LoggedExperiment | None = None
) -> bytes:
    """The topic's message: the row, its features in declared order (null: missing), their basis.

    And, in an experiment, what was made in it. Floats are written with the fewest digits that read
    back as the same float.
    """
    if experiment is not None:
        basis = b'%b,"experiment":%b}' % (basis[:-1], _encode(experiment))
    return b'%b,"features":%b,%b' % (row[:-1], _encode(features), basis[1:])


def log_basis(definitions: str, policy_version: str, thresholds: Mapping[str, float]) -> bytes:
    """What an audit needs beside row and features: the definitions' digest, policy, thresholds."""
    return _encode(
        {
            "feature_definitions": definitions,
            "policy_version": policy_version,
            "thresholds": dict(thresholds),
        }
    )


def row_in(message: bytes) -> bytes:
    """The row document inside a topic's message, to the byte."""
    return message[: message.rindex(b',"features":[')] + b"}"


def suppressed_document(document: Suppressed) -> bytes:
    """The topic's message for a suppressed event."""
    return _encode(document)


@dataclass(frozen=True)
class Positions:
    """Where n events of one topic partition stand, and their times in UTC epoch milliseconds."""

    topic: str
    partition: int
    epoch: int
    offsets: Ints
    arrived_ms: Ints
    event_ms: Ints
    as_of_ms: Ints

    def source(self, row: int) -> Source:
        """The Kafka position of event `row`."""
        return Source(self.topic, self.partition, int(self.offsets[row]))
