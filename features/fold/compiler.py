"""A scenario's features compiled to the arrays that the fold runs on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from features.definitions import (
    ClockFeature,
    Count,
    DaysSince,
    DaysSincePrevious,
    DecayedCount,
    DecayedSum,
    Feature,
    HourOfDay,
    IsBetweenHours,
    IsWeekend,
    LastValue,
    Level,
    Max,
    Mean,
    Min,
    Sum,
    Where,
    WindowFeature,
)
from features.digest import digest_of
from features.fold import kernel
from features.fold.plan import CODE, COUNT, REAL, Plan, Slot
from features.fold.window_plan import WindowPlan
from features.fold.windows import window_plan
from features.read_fields import check_fields, condition_of, field_of
from features.schema import Category, EventSchema, SchemaError


def compile_plan(
    schema: EventSchema,
    features: Sequence[Feature],
    *,
    max_window_events: int = 512,
    identity_field: str | None = None,
    slack_days: float = 0.0,
) -> Plan:
    """Compile `features` over events of `schema`; raises `SchemaError` naming what does not fit.

    The rest is about windows, see `features/fold/windows.py`: how many events of an entity are
    buffered at most, which field identifies an event, how long entries stay after
    the longest window, so that the state can also be read as of an earlier time.
    """
    names = [feature.name for feature in features]
    if len(set(names)) != len(names) or not names:
        raise SchemaError(f"features must be named and distinct, got {names}")
    draft = _Draft(schema)
    for column, feature in enumerate(features):
        draft.add(feature, column)
    windows = window_plan(
        schema,
        draft.windowed,
        max_entries=max_window_events,
        identity_field=identity_field,
        slack_days=slack_days,
    )
    digest = digest_of(schema, features, windows)
    return draft.plan(tuple(names), windows, digest=digest)


_Plain = (
    LastValue
    | Count
    | Sum
    | Mean
    | Min
    | Max
    | DaysSince
    | DaysSincePrevious
    | DecayedCount
    | DecayedSum
)
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
    reads: list[tuple[int, int, int]] = field(default_factory=list)
    read_rates: list[float] = field(default_factory=list)
    windowed: list[tuple[int, WindowFeature]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ops = [[] for _ in self.schema.types]

    def add(self, feature: Feature, column: int) -> None:
        if isinstance(feature, WindowFeature):
            for event_type in feature.on:
                check_fields(
                    self.schema, event_type, getattr(feature, "field", None), feature.where
                )
            condition_of(self.schema, feature.where)
            self.windowed.append((column, feature))
            return
        rate = 0.0
        kind = kernel.READ_VALUE
        slot = len(self.slots)
        match feature:
            case LastValue():
                is_code = isinstance(field_of(self.schema, feature.field), Category)
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
                if not feature.half_life_days > 0:
                    raise SchemaError(
                        f"feature {feature.name!r} has a half-life of {feature.half_life_days} days"
                    )
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
            case DaysSincePrevious():
                self._slot(feature.name, REAL, math.nan)
                self._slot(f"{feature.name}.latest_ms", REAL, math.nan)
                self._on(feature, kernel.SET_GAP, slot)
            case HourOfDay() | IsWeekend() | IsBetweenHours():
                self._slot(feature.name, CODE, math.nan)
                code, hours = _clock_operation(feature)
                for declared in self.schema.types:
                    self._op(declared.name, code, slot, None, rate=hours)
            case Sum() | Min() | Max():
                code, initial = _SLOT_OF[type(feature)]
                self._slot(feature.name, REAL, initial)
                self._on(feature, code, slot, feature.field)
            case _:  # without it the feature would read the slot of the next one
                raise SchemaError(
                    f"feature {feature.name!r}: features/fold/compiler.py has no case for the kind "
                    f"{type(feature).__name__}"
                )
        self.reads.append((kind, slot, column))
        self.read_rates.append(rate)

    def _slot(self, name: str, storage: str, initial: float) -> None:
        self.slots.append(Slot(name, storage, initial))

    def _on(
        self,
        feature: _Plain,
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
        check_fields(self.schema, event_type, value, where)
        column = self.schema.columns[value] if value else -1
        condition = condition_of(self.schema, where)
        code_row = (code, slot, column, *condition)
        self.ops[self.schema.type_codes[event_type]].append((code_row, rate))

    def plan(self, names: tuple[str, ...], windows: WindowPlan | None, *, digest: str) -> Plan:
        flat = [op for per_type in self.ops for op in per_type]
        first_op = np.cumsum([0] + [len(per_type) for per_type in self.ops])
        return Plan(
            slots=tuple(self.slots),
            feature_names=names,
            first_op=first_op.astype(np.int64),
            ops=np.array([row for row, _ in flat], dtype=np.int64).reshape(-1, 5),
            op_rates=np.array([rate for _, rate in flat], dtype=np.float64),
            reads=np.array(self.reads, dtype=np.int64).reshape(-1, 3),
            read_rates=np.array(self.read_rates, dtype=np.float64),
            digest=digest,
            windows=windows,
        )


def _clock_operation(feature: ClockFeature) -> tuple[int, float]:
    """The operation, and the hours of the day as bits where it needs them.

    Raises `SchemaError` for hours that no day has.
    """
    if isinstance(feature, HourOfDay):
        return kernel.SET_HOUR, 0.0
    if isinstance(feature, IsBetweenHours):
        start, stop = feature.from_hour, feature.before_hour
        if not (0 <= start < 24 and 0 <= stop <= 24):
            raise SchemaError(f"feature {feature.name!r}: hours {start} to {stop}, allowed 0 to 24")
        after = stop if stop > start else stop + 24
        return kernel.SET_HOUR_IN, float(sum(1 << hour % 24 for hour in range(start, after)))
    return kernel.SET_WEEKEND, 0.0
