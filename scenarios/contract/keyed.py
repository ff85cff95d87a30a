"""What the engine needs of a keyed stream with states: a scenario's or a second entity's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from features.events.partitioners import MURMUR2
from features.fold.plan import Plan
from features.fold.state import StateCodec
from features.schema import EventSchema, EventType, Number, SchemaError
from scenarios.contract.scenario import Scenario, load_scenario
from scenarios.contract.second_entity import Rekeyed, SecondEntity


class UnknownEntity(ValueError):
    """The scenario declares no second entity of that name; raised at start."""

    exit_code = 2


class Keyed(Protocol):
    """A stream of events by key whose states are stored in a table of the same name."""

    @property
    def name(self) -> str:
        """Of the table, the checkpoints, the control row; the topics begin with it."""

    @property
    def schema(self) -> EventSchema:
        """Its events."""

    @property
    def plan(self) -> Plan:
        """Its features, compiled."""

    @property
    def codec(self) -> StateCodec:
        """How its states are stored."""

    @property
    def partitioner(self) -> str:
        """How its producers place a key on its events topic."""

    def topic(self, kind: str) -> str:
        """Name of its topic `kind`, such as events or dead-letter."""


@dataclass(frozen=True, kw_only=True)
class KeyedEntity:
    """A second entity of a scenario as a `Keyed`, named "scenario.entity"."""

    name: str
    scenario: Scenario
    entity: SecondEntity

    @property
    def schema(self) -> EventSchema:
        """The events of the re-keyed stream."""
        return self.entity.schema

    @property
    def plan(self) -> Plan:
        """The entity's features, compiled."""
        return self.entity.plan

    @property
    def codec(self) -> StateCodec:
        """How the entity's states are stored."""
        return self.entity.codec

    @property
    def partitioner(self) -> str:
        """That of Spark's Kafka sink, which publishes the re-keyed events: Java's own."""
        return MURMUR2

    def topic(self, kind: str) -> str:
        """Name of the entity's topic `kind`: events or dead-letter."""
        return f"{self.name}.{kind}"

    @property
    def source_topics(self) -> Sequence[str]:
        """The scenario's topics that its events come from, each once."""
        kinds = dict.fromkeys(source.topic_kind for source in self.entity.sources)
        return [self.scenario.topic(kind) for kind in kinds]


def keyed_entity(scenario: Scenario, entity: SecondEntity) -> KeyedEntity:
    """`entity` of `scenario`; raises `SchemaError` when the declarations do not fit together."""
    for source in entity.sources:
        _check_source(source_schema(scenario, source), entity, source)
    return KeyedEntity(name=f"{scenario.name}.{entity.name}", scenario=scenario, entity=entity)


def keyed_entities(scenario: Scenario, *, named: str | None = None) -> list[KeyedEntity]:
    """All second entities of `scenario`, or the one `named`; raises `UnknownEntity`."""
    names = [second_entity.name for second_entity in scenario.second_entities]
    selected_entities = [
        second_entity
        for second_entity in scenario.second_entities
        if named in (None, second_entity.name)
    ]
    if named is not None and not selected_entities:
        raise UnknownEntity(f"scenario {scenario.name!r} has no second entity {named!r}: {names}")
    return [keyed_entity(scenario, entity) for entity in selected_entities]


def load_keyed_entity(name: str, module: str) -> KeyedEntity:
    """The second entity "scenario.entity" of the scenario in `module`; raises `UnknownEntity`."""
    scenario_name, _, entity_name = name.partition(".")
    (entity,) = keyed_entities(load_scenario(scenario_name, module), named=entity_name)
    return entity


def scenario_name_of(name: str) -> str:
    """The scenario's own name in the name of a `Keyed`: "fraud" in "fraud.terminal"."""
    return name.partition(".")[0]


def source_schema(scenario: Scenario, source: Rekeyed) -> EventSchema:
    """The schema of the topic that `source` names."""
    schemas = {"events": scenario.schema, "labels": scenario.label.schema}
    if source.topic_kind not in schemas:
        raise SchemaError(
            f"events are re-keyed from the topics {list(schemas)}, not {source.topic_kind!r}"
        )
    return schemas[source.topic_kind]


def _check_source(schema: EventSchema, entity: SecondEntity, source: Rekeyed) -> None:
    source_type = schema.event_type(source.event_type)
    copied_type = entity.schema.event_type(source.event_type)
    fields = {field.name: field for field in source_type.fields}
    key = fields.get(entity.key_field)
    where = f"event type {source.event_type!r} of {source.topic_kind!r}"
    if not isinstance(key, Number) or not key.integer:
        raise SchemaError(f"{where} needs {entity.key_field!r} as a whole number, it has {key}")
    foreign = _unlike(copied_type, source_type)
    if foreign:
        raise SchemaError(
            f"{entity.name!r} copies {foreign} from {where}, which has {source_type.fields}"
        )


def _unlike(copied_type: EventType, source_type: EventType) -> list[str]:
    """Fields of `copied_type` that `source_type` does not declare in the same way."""
    return [field.name for field in copied_type.fields if field not in source_type.fields]
