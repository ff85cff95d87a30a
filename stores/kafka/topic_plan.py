"""The topics of a scenario and how each must be configured."""

from collections.abc import Sequence
from dataclasses import dataclass

from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from stores.kafka.cluster import KafkaCluster

# Room for the key, the reason and the position that a dead letter adds to the event's bytes.
_DEAD_LETTER_EXTRA_BYTES = 65_536
# A prediction is some kilobytes; the sink sends so many together (streaming/query/query.py).
_PREDICTION_BYTES = 262_144

_SIZE, _COMPRESSION = "max.message.bytes", "compression.type"
_MUST_BE = {
    "message.timestamp.type": "a replay must decide by the same clock",
    "cleanup.policy": "compaction removes records, and nobody can tell which",
}
_TOO_SMALL = "our own messages may be longer, and the broker would refuse them for ever"
_WHY_UNCOMPRESSED = (
    "the broker compares compressed bytes with max.message.bytes, so one message of some kilobytes "
    "can take all memory of whoever reads it"
)


class TopicMisconfigured(RuntimeError):
    """A topic exists, but with a configuration that would break a guarantee."""

    exit_code = 4


@dataclass(frozen=True)
class TopicSpec:
    """A topic and the configuration that it must have.

    least_bytes: the longest message that we may write to it
    """

    name: str
    configs: tuple[tuple[str, str], ...]
    least_bytes: int = 0


@dataclass(frozen=True)
class Misfit:
    """A setting of a topic that must be, or should be, another one."""

    topic: str
    setting: str
    value: str
    needed: str
    why: str

    def __str__(self) -> str:
        change = f"--add-config {self.setting}={self.needed}"
        return (
            f"topic {self.topic} has {self.setting}={self.value}, needed is {self.needed}: "
            f"{self.why}. Run ./spark-submit.sh prepare_scenario --scenario "
            f"{self.topic.partition('.')[0]} --alter-topics, or kafka-configs.sh --alter --topic "
            f"{self.topic} {change}"
        )


@dataclass(frozen=True)
class Misfits:
    """What is wrong with topics: no stream starts with `errors`; `warnings` are only logged."""

    errors: Sequence[Misfit]
    warnings: Sequence[Misfit]

    def refuse(self) -> None:
        """Raise `TopicMisconfigured` with every error there is."""
        if self.errors:
            raise TopicMisconfigured("; ".join(map(str, self.errors)))


def topic_specs(
    scenario: str,
    *,
    max_message_bytes: int,
    dead_letter_bytes: int = 1_048_576,
    second_entities: Sequence[str] = (),
) -> Sequence[TopicSpec]:
    """All topics of `scenario` and of its second entities ("fraud.terminal").

    Events, labels, outcomes, review decisions and records of devices carry the broker's append
    time: the one clock that checks may use, so that a replay decides as the first pass did. They
    are stored uncompressed: only then does the broker compare what readers will hold with
    `max.message.bytes`, and not a producer's compressed bytes.
    None is compacted: a compacted log loses records.
    """
    size = ("max.message.bytes", str(max_message_bytes))
    letter_bytes = dead_letter_message_bytes(dead_letter_bytes)
    larger = ("max.message.bytes", str(max(max_message_bytes, letter_bytes)))
    retention = (("cleanup.policy", "delete"), ("retention.ms", "-1"))
    incoming = (size, ("message.timestamp.type", "LogAppendTime"), (_COMPRESSION, "uncompressed"))
    least_bytes = _PREDICTION_BYTES
    return (
        TopicSpec(f"{scenario}.events", (*incoming, *retention)),
        TopicSpec(f"{scenario}.labels", (*incoming, *retention)),
        TopicSpec(f"{scenario}.outcomes", (*incoming, *retention)),
        TopicSpec(f"{scenario}.device-records", (*incoming, *retention), least_bytes),
        TopicSpec(f"{scenario}.predictions", (size, *retention), least_bytes),
        TopicSpec(f"{scenario}.dead-letter", (larger, *retention), letter_bytes),
        TopicSpec(f"{scenario}.review", (size, *retention), least_bytes),
        TopicSpec(f"{scenario}.review-decisions", (*incoming, *retention), least_bytes),
        *(
            TopicSpec(f"{name}.events", (*incoming, *retention), least_bytes)
            for name in second_entities
        ),
        *(
            TopicSpec(f"{name}.dead-letter", (larger, *retention), letter_bytes)
            for name in second_entities
        ),
    )


def dead_letter_message_bytes(dead_letter_bytes: int) -> int:
    """Most bytes of a message that repeats `dead_letter_bytes` of a refused event."""
    return dead_letter_bytes + _DEAD_LETTER_EXTRA_BYTES


def create_topics(
    kafka: KafkaCluster, specs: Sequence[TopicSpec], *, partitions: int, replication_factor: int
) -> list[str]:
    """Create the missing ones and return their names."""
    with kafka.admin() as admin:
        existing = set(admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        new_topics = [
            NewTopic(spec.name, partitions, replication_factor, topic_configs=dict(spec.configs))
            for spec in missing
        ]
        if new_topics:
            admin.create_topics(new_topics)
    return [spec.name for spec in missing]


def misfits(kafka: KafkaCluster, specs: Sequence[TopicSpec]) -> Misfits:
    """How the existing topics differ from what they must be; all of them must exist."""
    if not specs:
        return Misfits([], [])  # Kafka would describe its brokers instead
    with kafka.admin() as admin:
        resources = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
        answer = admin.describe_configs(resources, config_filter="all")["topic"]
    errors: list[Misfit] = []
    warnings: list[Misfit] = []
    for spec in specs:
        settings = {name: str(entry["value"]) for name, entry in answer[spec.name].items()}
        for name, needed in spec.configs:
            value = settings.get(name, "")
            if name in _MUST_BE and not _serves(name, value, needed):
                errors.append(Misfit(spec.name, name, value, needed, _MUST_BE[name]))
            elif name == _COMPRESSION and value != needed:
                warnings.append(Misfit(spec.name, name, value, needed, _WHY_UNCOMPRESSED))
        largest = settings.get(_SIZE, "0")
        if int(largest) < spec.least_bytes:
            needed = dict(spec.configs)[_SIZE]
            errors.append(Misfit(spec.name, _SIZE, largest, needed, _TOO_SMALL))
    return Misfits(errors, warnings)


def _serves(name: str, value: str, needed: str) -> bool:
    if name == "cleanup.policy":  # none at all keeps records as well
        return "compact" not in value
    return value == needed


def alter_topics(kafka: KafkaCluster, problems: Sequence[Misfit]) -> None:
    """Give the topics the settings that they need; takes effect at once, for new records."""
    changes: dict[str, dict[str, str]] = {}
    for misfit in problems:
        changes.setdefault(misfit.topic, {})[misfit.setting] = misfit.needed
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic, configs)
        for topic, configs in changes.items()
    ]
    if resources:
        with kafka.admin() as admin:
            admin.alter_configs(resources)
