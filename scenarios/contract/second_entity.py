"""An entity that events of a scenario touch besides their own, such as the terminal of a payment.

A keyed stream of its own maintains its features; the scoring pass reads them, and never writes.
"""

from dataclasses import dataclass
from functools import cached_property

from features.definitions import Feature, WindowFeature
from features.fold.compiler import compile_plan
from features.fold.plan import Plan
from features.fold.state import StateCodec
from features.schema import EventSchema, Number, SchemaError


@dataclass(frozen=True, kw_only=True)
class Rekeyed:
    """Events of one type on one of the scenario's topics, "events" or "labels".

    The second entity's schema declares an event type of the same name; the fields that it has are
    copied, the rest is left behind.
    """

    topic_kind: str
    event_type: str


@dataclass(frozen=True, kw_only=True)
class SecondEntity:
    """Which features are stored about it, and from which events.

    `key_field` is a whole-number field of all source events; its decimal text is the entity id.
    Its features are windows, read as of the time of the scenario's event; `slack_days` is how much
    later its own stream may be without changing what is read.
    """

    name: str
    key_field: str
    schema: EventSchema
    features: tuple[Feature, ...]
    sources: tuple[Rekeyed, ...]
    max_window_events: int = 512
    identity_field: str | None = None
    slack_days: float = 7.0

    def __post_init__(self) -> None:
        others = [f.name for f in self.features if not isinstance(f, WindowFeature)]
        if others or self.schema.entity_field != self.key_field:
            raise SchemaError(
                f"second entity {self.name!r}: its features must be windows (not {others}) and its "
                f"events' entity field {self.schema.entity_field!r} be {self.key_field!r}"
            )

    def check_key(self, schema: EventSchema) -> None:
        """Raise `SchemaError` unless the scenario's `schema` has the key as a whole number."""
        declared = schema.fields.get(self.key_field)
        if not isinstance(declared, Number) or not declared.integer:
            raise SchemaError(
                f"second entity {self.name!r} needs a whole-number field {self.key_field!r} in the "
                f"scenario's events, which have {list(schema.fields)}"
            )

    @cached_property
    def plan(self) -> Plan:
        """The features compiled for the fold."""
        return compile_plan(
            self.schema,
            self.features,
            max_window_events=self.max_window_events,
            identity_field=self.identity_field,
            slack_days=self.slack_days,
        )

    @cached_property
    def codec(self) -> StateCodec:
        """How its states are stored."""
        return StateCodec(self.plan)
