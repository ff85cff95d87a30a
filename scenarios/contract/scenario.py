"""What a scenario declares; the engine needs nothing else to run it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from features.definitions import Feature
from features.events.partitioners import MURMUR2, check_partitioner
from features.fold.compiler import compile_plan
from features.fold.plan import Plan
from features.fold.state import StateCodec
from features.schema import Category, EventSchema, Number, SchemaError
from scenarios.contract.actionable import Actionable, check_actionable
from scenarios.contract.loading import provided
from scenarios.contract.policy import Policy, PolicyError
from scenarios.contract.review.plan import ReviewPlan
from scenarios.contract.second_entity import SecondEntity


class UnknownScenario(ValueError):
    """The name or the module of a scenario is not known; raised at start."""

    exit_code = 2


class LeakyScenario(ValueError):
    """The label could get into the features; raised at start."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Label:
    """What the model predicts: label events of type `event_type` whose `field` is the outcome.

    A label is mature `maturity_days` after its own event time. `schema` describes label events;
    they travel on the scenario's label topic, keyed like the events. `of_event` (event type,
    whole-number field) says that a label belongs to one event of its entity, the one with the same
    value of that field, instead of to the entity as a whole.
    """

    schema: EventSchema
    event_type: str
    field: str
    positive: str
    maturity_days: float
    of_event: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One use of the engine, as data and small pure functions.

    `required_feature`: no prediction is made for an entity while this feature is missing (its
    state is kept all the same; the event counts as suppressed).
    `estimator(seed)` builds an untrained scikit-learn classifier with `predict_proba`, for the
    columns `feature_names`. `max_window_events` and `identity_field`: see
    `features/fold/windows.py`. `partitioner`: how producers place a key on the events topic, see
    `features/events/partitioners.py`. `actionable`: what an agent can offer to lower a score.
    `review`: which cases people review, and how they decide. `notice`: a sentence that every page
    of the scenario shows, such as what its answers must not be used for. `limits_of_use`: the same
    at length; it stands on every version's card.
    """

    name: str
    title: str
    schema: EventSchema
    features: tuple[Feature, ...]
    label: Label
    policy: Policy
    estimator: Callable[[int], Any]
    required_feature: str | None = None
    second_entities: tuple[SecondEntity, ...] = ()
    max_window_events: int = 512
    identity_field: str | None = None
    partitioner: str = MURMUR2
    actionable: tuple[Actionable, ...] = ()
    review: ReviewPlan = field(default_factory=ReviewPlan)
    notice: str = ""
    limits_of_use: str = ""

    def __post_init__(self) -> None:
        check_partitioner(self.partitioner)
        names = set(self.feature_names)
        if len(names) != len(self.feature_names):
            raise PolicyError(
                f"scenario {self.name!r} has features of one name: {self.feature_names}"
            )
        conditions = [condition for rule in self.policy.rules for condition in rule.when]
        stage = self.policy.second_stage
        wanted = {condition.feature for condition in conditions}
        wanted |= {self.required_feature or "", stage.feature if stage else ""} - {""}
        if wanted - names:
            missing = sorted(wanted - names)
            raise PolicyError(f"scenario {self.name!r} has no features {missing}: {sorted(names)}")
        for second in self.second_entities:
            second.check_key(self.schema)
        check_actionable(self.actionable, self.schema, names)
        self._check_attachments()
        self._check_label()

    def _check_attachments(self) -> None:
        """Only the scenario's own stream stores what is attached to events."""
        second_schemas = [(f"second entity {s.name!r}", s.schema) for s in self.second_entities]
        for whose, schema in (("label", self.label.schema), *second_schemas):
            if schema.attachments:
                raise SchemaError(
                    f"scenario {self.name!r}: events of its {whose} have attachments "
                    f"{list(schema.attachments)}; only the scenario's own events may"
                )
        if self.schema.attachments and self.second_entities:
            names = [second_entity.name for second_entity in self.second_entities]
            raise SchemaError(
                f"scenario {self.name!r} has second entities {names}, whose streams do not read "
                f"attachments, and its events have some: {list(self.schema.attachments)}"
            )

    def _check_label(self) -> None:
        if (
            self.label.event_type in self.schema.type_codes
            or self.label.field in self.schema.fields
        ):
            raise LeakyScenario(
                f"scenario {self.name!r}: the label (event type {self.label.event_type!r}, field "
                f"{self.label.field!r}) is also declared among the events, so features could "
                "reveal it; give one of them another name"
            )
        outcomes = self.label.schema.event_type(self.label.event_type)
        outcome = {field.name: field for field in outcomes.fields}.get(self.label.field)
        if not isinstance(outcome, Category) or self.label.positive not in outcome.values:
            raise SchemaError(
                f"scenario {self.name!r}: the label's event type {self.label.event_type!r} needs a "
                f"category {self.label.field!r} with the value {self.label.positive!r}, it has "
                f"{outcome or [field.name for field in outcomes.fields]}"
            )
        if self.label.of_event is not None:
            event_type, field = self.label.of_event
            labelled = self.label.schema.event_type(self.label.event_type)
            for carrier in (self.schema.event_type(event_type), labelled):
                fields = {f.name: f for f in carrier.fields}
                declared = fields.get(field)
                if not isinstance(declared, Number) or not declared.integer:
                    raise SchemaError(
                        f"labels of scenario {self.name!r} belong to events by field {field!r}, "
                        f"which is no whole-number field of {carrier.name!r}"
                    )

    @cached_property
    def plan(self) -> Plan:
        """The features compiled for the fold."""
        return compile_plan(
            self.schema,
            self.features,
            max_window_events=self.max_window_events,
            identity_field=self.identity_field,
        )

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The feature row of models and logs: own features, then each second entity's."""
        second = [
            name
            for second_entity in self.second_entities
            for name in second_entity.plan.feature_names
        ]
        return (*self.plan.feature_names, *second)

    @cached_property
    def all_features(self) -> tuple[Feature, ...]:
        """The declarations behind `feature_names`."""
        return (
            *self.features,
            *(f for second_entity in self.second_entities for f in second_entity.features),
        )

    @cached_property
    def definitions_digest(self) -> str:
        """16 hex digits over what all features mean; the plan's own without second entities."""
        digests = [
            self.plan.digest,
            *(second_entity.plan.digest for second_entity in self.second_entities),
        ]
        if len(digests) == 1:
            return digests[0]
        return hashlib.blake2b("".join(digests).encode(), digest_size=8).hexdigest()

    @cached_property
    def codec(self) -> StateCodec:
        """How states of this scenario are stored."""
        return StateCodec(self.plan)

    def topic(self, kind: str) -> str:
        """Name of the scenario's topic `kind`: events, labels, predictions, dead-letter, review."""
        return f"{self.name}.{kind}"


def load_scenario(name: str, module: str) -> Scenario:
    """The `SCENARIO` of `module`; raises `UnknownScenario` when there is none of that name."""
    scenario = provided(module, "SCENARIO")
    if scenario is None:
        raise UnknownScenario(f"scenario {name!r}: there is no {module}.SCENARIO")
    if not isinstance(scenario, Scenario) or scenario.name != name:
        raise UnknownScenario(f"scenario {name!r}: {module}.SCENARIO is {scenario!r:.80}")
    return scenario
