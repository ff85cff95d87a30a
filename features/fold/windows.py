"""Compiles window features: which events are buffered, how compactly, and what is read.

An entity's buffer holds its events of the window features' types, in order of event time (equal
times: of arrival), as long as any window can hold them. An event that comes late is put in its
place; one older than every window is left out. Beyond `max_entries` the oldest entry is dropped,
which the state counts and the pass reports: from then on that entity's long windows hold the newest
`max_entries` events only. An event with the time, type and identity of a buffered one is a repeat:
it is not buffered again.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from features import definitions as kinds
from features.definitions import RatioToMean, WindowFeature, ZScore
from features.fold import window_kernel as kernel
from features.fold.window_plan import BufferColumn, WindowPlan
from features.schema import Category, EventSchema, Number, SchemaError

MS_PER_DAY = 86_400_000
_MAX_TYPES = 62  # one bit each in an int64

_READ_KIND: dict[type, int] = {
    kinds.WindowCount: kernel.COUNT,
    kinds.WindowSum: kernel.SUM,
    kinds.WindowMean: kernel.MEAN,
    kinds.WindowStd: kernel.STD,
    kinds.WindowMin: kernel.MIN,
    kinds.WindowMax: kernel.MAX,
    kinds.WindowDistinct: kernel.DISTINCT,
    RatioToMean: kernel.RATIO,
    ZScore: kernel.ZSCORE,
}
_NEEDS = {
    kernel.STD: kernel.NEEDS_STD,
    kernel.ZSCORE: kernel.NEEDS_STD,
    kernel.DISTINCT: kernel.NEEDS_DISTINCT,
}


def window_plan(
    schema: EventSchema,
    features: Sequence[tuple[int, WindowFeature]],
    *,
    max_entries: int,
    identity_field: str | None,
    slack_days: float,
) -> WindowPlan | None:
    """The plan for `features` (column of the feature row, feature); None when there are none.

    Raises `SchemaError` naming what does not fit.
    """
    if not features:
        return None
    _check(schema, [feature for _, feature in features], max_entries, identity_field)
    fields = dict.fromkeys(_fields(features) + ([identity_field] if identity_field else []))
    position = {name: column for column, name in enumerate(fields)}
    scans: dict[tuple[int, ...], int] = {}
    needs: dict[int, int] = {}
    reads = []
    for target, feature in features:
        kind = _READ_KIND[type(feature)]
        scan = scans.setdefault(_scan(schema, feature, position), len(scans))
        needs[scan] = needs.get(scan, 0) | _NEEDS.get(kind, 0)
        name = getattr(feature, "field", None)
        reads.append((kind, scan, target, schema.columns[name] if name else -1))
    by_family, place = _by_family([(*row, needs[i]) for row, i in scans.items()])
    return WindowPlan(
        columns=tuple(_column(schema, name) for name in fields),
        is_buffered=_buffered_types(schema, [feature for _, feature in features]),
        keep_ms=_ms(max(feature.days for _, feature in features) + slack_days),
        max_entries=max_entries,
        identity=position[identity_field] if identity_field else -1,
        scans=by_family,
        reads=np.array([(kind, place[i], *rest) for kind, i, *rest in reads], dtype=np.int64),
    )


def _by_family(scans: Sequence[tuple[int, ...]]) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Scans that differ in their window only beside each other, windows rising; and new places."""

    def family(row: tuple[int, ...]) -> tuple[int, ...]:
        return (row[0], *row[2:6])

    order = sorted(range(len(scans)), key=lambda i: (family(scans[i]), scans[i][1]))
    kinds = [family(scans[i]) for i in order]
    stops = [len(kinds) - kinds[::-1].index(kind) for kind in kinds]
    rows = [(*scans[i], stop) for i, stop in zip(order, stops, strict=True)]
    return np.array(rows, dtype=np.int64), [order.index(i) for i in range(len(scans))]


def _check(
    schema: EventSchema,
    features: Sequence[WindowFeature],
    max_entries: int,
    identity_field: str | None,
) -> None:
    if max_entries < 1 or len(schema.types) > _MAX_TYPES:
        raise SchemaError(
            f"max_window_events is {max_entries}, expected 1 or more; with windows a schema can "
            f"have {_MAX_TYPES} event types, this one has {len(schema.types)}"
        )
    for feature in features:
        if type(feature) not in _READ_KIND:
            raise SchemaError(
                f"feature {feature.name!r}: features/fold/windows.py has no read-out for the kind "
                f"{type(feature).__name__}"
            )
        if not feature.days > 0:
            raise SchemaError(f"feature {feature.name!r} has a window of {feature.days} days")
    if identity_field and identity_field not in schema.fields:
        raise SchemaError(f"identity field {identity_field!r} is not one of {list(schema.fields)}")


def _fields(features: Sequence[tuple[int, WindowFeature]]) -> list[str]:
    names = []
    for _, feature in features:
        name = getattr(feature, "field", None)
        names += [name] if name else []
        names += [feature.where[0]] if feature.where else []
    return names


def _scan(
    schema: EventSchema, feature: WindowFeature, position: Mapping[str, int]
) -> tuple[int, ...]:
    name = getattr(feature, "field", None)
    with_current = not isinstance(feature, RatioToMean | ZScore) and feature.with_current
    mask = sum(1 << schema.type_codes[event_type] for event_type in set(feature.on))
    where = (-1, 0)
    if feature.where:
        codes = getattr(schema.fields[feature.where[0]], "codes", {})
        where = (position[feature.where[0]], int(codes[feature.where[1]]))
    column = position[name] if name else -1
    return (column, _ms(feature.days), int(with_current), mask, *where)


def _buffered_types(
    schema: EventSchema, features: Sequence[WindowFeature]
) -> npt.NDArray[np.bool_]:
    names = {name for feature in features for name in feature.on}
    return np.array([event_type.name in names for event_type in schema.types])


def _column(schema: EventSchema, name: str) -> BufferColumn:
    declared = schema.fields[name]
    stored_as, scale = "<f8", 1.0
    if isinstance(declared, Category):
        stored_as = "u1"
    elif isinstance(declared, Number) and (declared.integer or declared.decimals is not None):
        scale = float(10 ** (declared.decimals or 0))
        largest = max(abs(declared.minimum), abs(declared.maximum)) * scale
        stored_as = "<i4" if largest < 2**31 - 1 else "<i8"
    return BufferColumn(name, schema.columns[name], stored_as, scale)


def _ms(days: float) -> int:
    return round(days * MS_PER_DAY)
