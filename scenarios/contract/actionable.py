"""What an agent can bring about for an entity: the events that a counterfactual may suppose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from features.schema import TIME_FIELD, TYPE_FIELD, Attachment, Category, EventSchema, SchemaError
from scenarios.contract.judging.condition import Condition
from scenarios.contract.policy import PolicyError


@dataclass(frozen=True, kw_only=True)
class Actionable:
    """One change that can be offered, as the event that would arrive if the customer agreed.

    name        short code, distinct within the scenario
    words       what is offered, as an agent says it: "a contract of one year"
    event_type  of the event that would arrive; fields: its fields, without entity and time
    when        conditions on the current features, of which all must hold: what a customer already
                has is not offered
    effort      what the change asks of the customer, relative to the others; above 0
    """

    name: str
    words: str
    event_type: str
    fields: tuple[tuple[str, str | float], ...]
    when: tuple[Condition, ...] = ()
    effort: float = 1.0

    def is_open(self, features: Mapping[str, float]) -> bool:
        """Whether all conditions hold; a feature that is missing (NaN) fulfils none."""
        return all(
            condition.at_least <= features[condition.feature] < condition.below
            for condition in self.when
        )

    def event(self, schema: EventSchema, entity: str, at: datetime) -> dict[str, str | float]:
        """The event as it would arrive for `entity` at `at`."""
        envelope = {TYPE_FIELD: self.event_type, schema.entity_field: entity}
        return {**envelope, TIME_FIELD: at.isoformat(), **dict(self.fields)}

    def excludes(self, other: "Actionable") -> bool:
        """Whether both change one field: a customer has one contract, not two."""
        same_type = self.event_type == other.event_type
        return same_type and bool(dict(self.fields).keys() & dict(other.fields).keys())


def check_actionable(
    actionable: Iterable[Actionable], schema: EventSchema, feature_names: Iterable[str]
) -> None:
    """Raise `SchemaError` or `PolicyError` for a change that could never arrive or be offered."""
    names: set[str] = set()
    features = set(feature_names)
    for change in actionable:
        where = f"actionable {change.name!r}"
        if change.name in names:
            raise PolicyError(f"{where} is declared twice")
        names.add(change.name)
        if not change.effort > 0:
            raise PolicyError(f"{where} has effort {change.effort}, expected more than 0")
        unknown = {condition.feature for condition in change.when} - features
        if unknown:
            raise PolicyError(f"{where} has conditions on unknown features {sorted(unknown)}")
        _check_fields(change, schema, where)


def _check_fields(change: Actionable, schema: EventSchema, where: str) -> None:
    event_type = schema.event_type(change.event_type)
    declared = {field.name: field for field in event_type.fields}
    values = dict(change.fields)
    unknown = values.keys() - declared.keys()
    missing = {field.name for field in event_type.fields if field.required} - values.keys()
    if unknown or missing:
        raise SchemaError(
            f"{where}: events of type {change.event_type!r} have no fields {sorted(unknown)} "
            f"and need {sorted(missing)}"
        )
    for name, value in values.items():
        field = declared[name]
        if isinstance(field, Category):
            fits = value in field.values
        elif isinstance(field, Attachment):
            fits = False  # nobody is offered another image
        else:
            fits = not isinstance(value, str) and field.lowest <= value <= field.highest
            fits = fits and not (field.integer and value != int(value))
        if not fits:
            raise SchemaError(f"{where}: {name} is {value!r}, expected {field.expectation}")
