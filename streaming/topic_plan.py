"""The topics of a scenario and how each must be configured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from streaming.topics import KafkaCluster

# Room for the key, the reason and the position that a dead letter adds to the event's bytes.
_DEAD_LETTER_EXTRA_BYTES = 65_536


class TopicMisconfigured(RuntimeError):
    """A topic exists, but with a configuration that would break a guarantee."""

    exit_code = 4


@dataclass(frozen=True)
class TopicSpec:
    """A topic and the configuration that it must have."""

    name: str
    configs: tuple[tuple[str, str], ...]


def topic_specs(
    scenario: str,
    *,
    max_message_bytes: int,
    dead_letter_bytes: int = 1_048_576,
    second_entities: Sequence[str] = (),
) -> Sequence[TopicSpec]:
    """All topics of `scenario` and of its second entities ("fraud.terminal").

    Events and labels carry the broker's append time: the one clock that checks may use, so that a
    replay decides as the first pass did. None is compacted: a compacted log has gaps.
    """
    size = ("max.message.bytes", str(max_message_bytes))
    letter = max(max_message_bytes, dead_letter_message_bytes(dead_letter_bytes))
    larger = ("max.message.bytes", str(letter))
    kept = (("cleanup.policy", "delete"), ("retention.ms", "-1"))
    arrival = ("message.timestamp.type", "LogAppendTime")
    return (
        TopicSpec(f"{scenario}.events", (size, arrival, *kept)),
        TopicSpec(f"{scenario}.labels", (size, arrival, *kept)),
        TopicSpec(f"{scenario}.predictions", (size, *kept)),
        TopicSpec(f"{scenario}.dead-letter", (larger, *kept)),
        TopicSpec(f"{scenario}.review", (size, *kept)),
        *(TopicSpec(f"{name}.events", (size, arrival, *kept)) for name in second_entities),
        *(TopicSpec(f"{name}.dead-letter", (larger, *kept)) for name in second_entities),
    )


def dead_letter_message_bytes(dead_letter_bytes: int) -> int:
    """Most bytes of a message that repeats `dead_letter_bytes` of a refused event."""
    return dead_letter_bytes + _DEAD_LETTER_EXTRA_BYTES


def create_topics(
    kafka: KafkaCluster, specs: Sequence[TopicSpec], *, partitions: int, replication_factor: int
) -> list[str]:
    """Create the missing ones and return their names.

    Raises `TopicMisconfigured` when one exists without log-append time or with compaction.
    """
    with kafka.admin() as admin:
        existing = set(admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        new = [
            NewTopic(spec.name, partitions, replication_factor, topic_configs=dict(spec.configs))
            for spec in missing
        ]
        if new:
            admin.create_topics(new)
        for spec in specs:
            if spec.name in existing:
                _check(admin, spec)
    return [spec.name for spec in missing]


# Kafka tells only what differs from these.
_KAFKA_DEFAULTS = {"message.timestamp.type": "CreateTime", "cleanup.policy": "delete"}


def _check(admin: Any, spec: TopicSpec) -> None:
    answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, spec.name)])
    told = {name: entry["value"] for name, entry in answer["topic"][spec.name].items()}
    found = {**_KAFKA_DEFAULTS, **told}
    for name in _KAFKA_DEFAULTS:
        wanted = dict(spec.configs).get(name)
        if wanted is not None and wanted != found[name]:
            raise TopicMisconfigured(
                f"topic {spec.name} has {name}={found[name]}, needed is {wanted}: "
                f"kafka-configs.sh --alter --topic {spec.name} --add-config {name}={wanted}"
            )
