"""A scenario's features compiled to the arrays that the fold runs on."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from features import kernel
from features.definitions import (
    Count,
    DaysSince,
    DecayedCount,
    DecayedSum,
    Feature,
    LastValue,
    Level,
    Max,
    Mean,
    Min,
    Sum,
    Where,
)
from features.plan import CODE, COUNT, REAL, Plan, Slot
from features.schema import Category, EventSchema, SchemaError


def compile_plan(schema: EventSchema, features: Sequence[Feature]) -> Plan:
    """Compile `features` over events of `schema`; raises `SchemaError` naming what does not fit."""
    names = [feature.name for feature in features]
    if len(set(names)) != len(names) or not names:
        raise SchemaError(f"features must be named and distinct, got {names}")
    draft = _Draft(schema)
    for feature in features:
        draft.add(feature)
    return draft.plan(tuple(names), digest=_digest(schema, features))


# Raise when the kernel computes something else from the same definitions.
KERNEL_VERSION = 1

_SLOT_OF: dict[type, tuple[int, float]] = {
    Sum: (kernel.ADD_VALUE, 0.0),
    Min: (kernel.KEEP_MIN, math.nan),
    Max: (kernel.KEEP_MAX, math.nan),
}


@dataclass
class _Draft:
    schema: EventSchema
    slots: list[Slot] = field(default_factory=list)
    ops: list[list[tuple[tuple[int, ...], float]]] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)
    read_rates: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ops = [[] for _ in self.schema.types]

    def add(self, feature: Feature) -> None:
        rate = 0.0
        kind = kernel.READ_VALUE
        slot = len(self.slots)
        match feature:
            case LastValue():
                is_code = isinstance(self._field(feature.field), Category)
                self._slot(feature.name, CODE if is_code else REAL, math.nan)
                self._on(feature, kernel.SET_LAST, slot, feature.field)
            case Count():
                self._slot(feature.name, COUNT, 0.0)
                self._on(feature, kernel.ADD_ONE, slot)
            case Mean():
                kind = kernel.READ_RATIO
                self._slot(f"{feature.name}.sum", REAL, 0.0)
                self._slot(f"{feature.name}.count", COUNT, 0.0)
                self._on(feature, kernel.ADD_VALUE, slot, feature.field)
                self._on(feature, kernel.ADD_ONE, slot + 1, feature.field)
            case DaysSince():
                kind = kernel.READ_DAYS_SINCE
                self._slot(feature.name, REAL, math.nan)
                self._on(feature, kernel.KEEP_TIME, slot)
            case DecayedCount() | DecayedSum():
                kind, rate = kernel.READ_DECAYED, math.log(2.0) / feature.half_life_days
                self._slot(feature.name, REAL, 0.0)
                self._slot(f"{feature.name}.as_of_ms", REAL, math.nan)
                value = feature.field if isinstance(feature, DecayedSum) else None
                self._on(feature, kernel.DECAY_ADD, slot, value, rate=rate)
            case Level():
                self._slot(feature.name, REAL, math.nan)
                self._op(feature.stated_by[0], kernel.SET_LAST, slot, feature.stated_by[1])
                for event_type, value in feature.moved_by:
                    self._op(event_type, kernel.MOVE, slot, value)
            case Sum() | Min() | Max():
                code, initial = _SLOT_OF[type(feature)]
                self._slot(feature.name, REAL, initial)
                self._on(feature, code, slot, feature.field)
        self.reads.append((kind, slot))
        self.read_rates.append(rate)

    def _slot(self, name: str, storage: str, initial: float) -> None:
        self.slots.append(Slot(name, storage, initial))

    def _on(
        self,
        feature: LastValue | Count | Sum | Mean | Min | Max | DaysSince | DecayedCount | DecayedSum,
        code: int,
        slot: int,
        value: str | None = None,
        rate: float = 0.0,
    ) -> None:
        for event_type in feature.on:
            self._op(event_type, code, slot, value, where=feature.where, rate=rate)

    def _op(
        self,
        event_type: str,
        code: int,
        slot: int,
        value: str | None,
        *,
        where: Where | None = None,
        rate: float = 0.0,
    ) -> None:
        declared = self.schema.event_type(event_type)
        present = {each.name for each in declared.fields}
        for name in filter(None, (value, where[0] if where else None)):
            if name not in present:
                raise SchemaError(
                    f"a feature reads field {name!r} of event type {event_type!r}, "
                    f"which has {sorted(present)}"
                )
        column = self.schema.columns[value] if value else -1
        condition = self._condition(where)
        code_row = (code, slot, column, *condition)
        self.ops[self.schema.type_codes[event_type]].append((code_row, rate))

    def _condition(self, where: Where | None) -> tuple[int, int]:
        if where is None:
            return -1, 0
        name, value = where
        declared = self._field(name)
        if not isinstance(declared, Category) or value not in declared.codes:
            raise SchemaError(f"condition {name!r} = {value!r} is not a category's value")
        return self.schema.columns[name], int(declared.codes[value])

    def _field(self, name: str) -> object:
        if name not in self.schema.fields:
            raise SchemaError(f"field {name!r} is not one of {list(self.schema.fields)}")
        return self.schema.fields[name]

    def plan(self, names: tuple[str, ...], *, digest: str) -> Plan:
        flat = [op for per_type in self.ops for op in per_type]
        first_op = np.cumsum([0] + [len(per_type) for per_type in self.ops])
        return Plan(
            slots=tuple(self.slots),
            feature_names=names,
            first_op=first_op.astype(np.int64),
            ops=np.array([row for row, _ in flat], dtype=np.int64).reshape(-1, 5),
            op_rates=np.array([rate for _, rate in flat], dtype=np.float64),
            reads=np.array(self.reads, dtype=np.int64),
            read_rates=np.array(self.read_rates, dtype=np.float64),
            digest=digest,
        )


def _digest(schema: EventSchema, features: Sequence[Feature]) -> str:
    meaning = {
        "kernel": KERNEL_VERSION,
        "types": {each.name: [f.name for f in each.fields] for each in schema.types},
        "categories": {
            each.name: each.values for each in schema.fields.values() if isinstance(each, Category)
        },
        "features": [
            {"kind": type(f).__name__, **{k: v for k, v in asdict(f).items() if k != "words"}}
            for f in features
        ],
    }
    text = json.dumps(meaning, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
