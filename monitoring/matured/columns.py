"""The rows of cases, as the query returns them, to columns with codes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lifecycle.gates.quality import slices_of
from monitoring.cases import NOT_KNOWN_MS, Cases, Floats, Ints
from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario

_MOST_VALUES = 24
_MISSING = "missing"


class SliceWithoutBands(ValueError):
    """A slice's feature is none of the scenario's, or has too many values to be one slice each."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class CaseColumns:
    """n cases of all periods: place of the period int64 (n,), cases, features float64 (n, k)."""

    places: Ints
    cases: Cases
    features: Floats


def case_columns(
    table: pa.Table,
    scenario: Scenario,
    *,
    slices: Mapping[str, Sequence[float]],
    amount_feature: str | None,
) -> CaseColumns:
    """The rows of `monitoring.matured.read` as columns, in an order that Spark does not decide.

    Raises `SliceWithoutBands`.
    """
    order = np.lexsort([_ints(table, name) for name in ("entity", "arrived_ms", "period")])
    rows = table.take(pa.array(order))
    features = _features(rows, len(scenario.feature_names))
    names = list(scenario.feature_names)
    if amount_feature is not None and amount_feature not in names:
        raise SliceWithoutBands(f"there is no feature {amount_feature!r} for amounts: {names}")
    policy = scenario.policy
    bands = _names(rows, "band", [band.name for band in policy.bands])
    actions = _names(rows, "action", list(dict.fromkeys(policy.actions)))
    versions = _names(rows, "model_version", [])
    is_control = _flags(rows, "control_group")
    codes, values = _slices(features, scenario, slices)
    cases = Cases(
        entities=_ints(rows, "entity"),
        made_ms=_ints(rows, "arrived_ms"),
        scores=_floats(rows, "score"),
        labels=_floats(rows, "label"),
        known_ms=_ints(rows, "counted_ms", missing=int(NOT_KNOWN_MS)),
        versions=versions.codes,
        bands=bands.codes,
        actions=actions.codes,
        limits=_limits(rows, bands.names),
        is_control=is_control,
        propensity=propensity_of(is_control, control_share=policy.control_share),
        is_shown=_flags(rows, "is_shown"),
        is_accepted=_flags(rows, "is_accepted"),
        action_cost=np.nan_to_num(_floats(rows, "action_cost")),
        amounts=(
            np.full(len(order), np.nan)
            if amount_feature is None
            else features[:, names.index(amount_feature)]
        ),
        slices=codes,
        version_names=versions.names,
        band_names=bands.names,
        action_names=actions.names,
        slice_values=values,
    )
    return CaseColumns(places=_ints(rows, "period"), cases=cases, features=features)


def propensity_of(is_control: npt.NDArray[np.bool_], *, control_share: float) -> Floats:
    """Probability of the arm that each case is in; 1 where there are no arms."""
    if control_share <= 0.0:
        return np.ones(len(is_control))
    of_arms: Floats = np.where(is_control, control_share, 1.0 - control_share)
    return of_arms


@dataclass(frozen=True)
class _Coded:
    codes: Ints
    names: Sequence[str]


def _names(table: pa.Table, column: str, declared: Sequence[str]) -> _Coded:
    """Codes into `declared`, and behind it what the policy no longer declares."""
    texts = table.column(column).to_pylist()
    names = list(dict.fromkeys([*declared, *sorted(set(texts) - set(declared))]))
    code_of = {name: code for code, name in enumerate(names)}
    return _Coded(np.array([code_of[text] for text in texts], dtype=np.int64), names)


def _limits(table: pa.Table, bands: Sequence[str]) -> Floats:
    """Lowest score of each band when the case was decided; NaN: there was no such band."""
    coded = _names(table, "thresholds", [])
    rows = [msgspec.json.decode(text, type=dict[str, float]) for text in coded.names]
    limits = np.array([[row.get(band, math.nan) for band in bands] for row in rows])
    of_cases: Floats = limits.reshape(len(rows), len(bands))[coded.codes]
    return of_cases


def _features(table: pa.Table, width: int) -> Floats:
    lists = table.column("features").combine_chunks()
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    features: Floats = values.reshape(table.num_rows, width)
    return features


def _slices(
    features: Floats, scenario: Scenario, slices: Mapping[str, Sequence[float]]
) -> tuple[dict[str, Ints], dict[str, Sequence[str]]]:
    """Per sliced feature the codes of its values (-1: missing) and their names."""
    names, category_names = list(scenario.feature_names), categories(scenario)
    codes: dict[str, Ints] = {}
    values: dict[str, Sequence[str]] = {}
    for feature, limits in slices.items():
        if feature not in names:
            raise SliceWithoutBands(f"there is no feature {feature!r}; the scenario has {names}")
        column = features[:, names.index(feature)]
        members = dict(slices_of(column, limits))
        members.pop(_MISSING, None)
        if not limits and len(members) > _MOST_VALUES:
            raise SliceWithoutBands(
                f"slice {feature!r} has {len(members):,} values: declare the limits of its bands"
            )
        codes[feature] = np.full(len(features), -1, dtype=np.int64)
        for code, is_member in enumerate(members.values()):
            codes[feature][is_member] = code
        values[feature] = [_value(words, category_names.get(feature, ())) for words in members]
    return codes, values


def _value(words: str, category_names: Sequence[str]) -> str:
    """ "= 2" as the category's name or "2"; the words of a band as they are."""
    text = words.removeprefix("= ")
    if text == words or not category_names:
        return text
    code = int(float(text))
    return category_names[code] if 0 <= code < len(category_names) else f"code {text}"


def _ints(table: pa.Table, name: str, *, missing: int = 0) -> Ints:
    column = table.column(name).combine_chunks().fill_null(missing)
    numbers: Ints = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _floats(table: pa.Table, name: str) -> Floats:
    column = table.column(name).combine_chunks().cast(pa.float64())
    numbers: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _flags(table: pa.Table, name: str) -> npt.NDArray[np.bool_]:
    column = table.column(name).combine_chunks().fill_null(False)
    flags: npt.NDArray[np.bool_] = column.to_numpy(zero_copy_only=False).astype(np.bool_)
    return flags
