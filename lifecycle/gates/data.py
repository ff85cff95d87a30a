"""Whether a snapshot's rows are what the scenario declares: a pandera schema of its features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features import definitions as d
from features.schema import Category, EventSchema, Number
from lifecycle.gates.gate import Gate, gate, not_applicable
from scenarios.contract.scenario import Scenario

OUTCOME = "outcome"
_MOST_PROBLEMS = 5


@dataclass(frozen=True)
class Range:
    """Values that a column may have besides missing ones; `whole`: whole numbers only."""

    low: float = -np.inf
    high: float = np.inf
    whole: bool = False


def ranges(scenario: Scenario) -> Mapping[str, Range]:
    """Feature → its range, as far as kind and field say one; the others may be any number."""
    schemas = {feature.name: scenario.schema for feature in scenario.features}
    for second in scenario.second_entities:
        schemas |= {feature.name: second.schema for feature in second.features}
    return {
        feature.name: _range(feature, schemas[feature.name]) for feature in scenario.all_features
    }


def data_problems(
    features: pd.DataFrame, outcomes: pd.Series, scenario: Scenario
) -> tuple[str, ...]:
    """Sentences on what does not fit, none when all rows do; columns are the scenario's features.

    No more than five problems are named. A column that is missing, or is in another place, is one.
    """
    import pandera.errors
    import pandera.pandas as pa

    columns = {name: _column(pa, limits) for name, limits in ranges(scenario).items()}
    columns[OUTCOME] = pa.Column(int, pa.Check.isin([0, 1]), nullable=False)
    schema = pa.DataFrameSchema(columns, strict=True, ordered=True)
    try:
        schema.validate(features.assign(**{OUTCOME: outcomes}), lazy=True)
    except pandera.errors.SchemaErrors as error:
        return _sentences(error.failure_cases, rows=len(features))
    return ()


def data_gate(problems: tuple[str, ...] | None, *, source: str) -> Gate:
    """The gate over `data_problems`; None: there was no snapshot to look at."""
    name, bound = "training data", "as the scenario declares"
    if problems is None:
        return not_applicable(name, bound=bound, sentence="the version names no snapshot")
    return gate(
        name,
        passes=not problems,
        value=f"{len(problems)} problems",
        bound=bound,
        sentence="; ".join(problems) or f"columns, ranges and outcomes of {source}",
    )


def _column(pa: Any, limits: Range) -> Any:
    checks = [pa.Check(lambda column: ~np.isinf(column), name="finite")]
    if limits.low > -np.inf:
        checks.append(pa.Check.ge(limits.low - _slack(limits.low)))
    if limits.high < np.inf:
        checks.append(pa.Check.le(limits.high + _slack(limits.high)))
    if limits.whole:
        checks.append(pa.Check(lambda column: column == np.floor(column), name="whole"))
    return pa.Column(float, checks, nullable=True)


def _slack(limit: float) -> float:
    """A mean of values at the limit may be rounded beyond it."""
    return abs(limit) * 1e-9


def _sentences(cases: pd.DataFrame, *, rows: int) -> tuple[str, ...]:
    sentences = []
    for (column, check), group in cases.groupby(["column", "check"], dropna=False, sort=False):
        if group["index"].isna().all():
            sentences.append(f"{check}: {list(group['failure_case'])}")
        else:
            values = sorted({str(value) for value in group["failure_case"]})[:3]
            sentences.append(
                f"{column} is not {check} in {len(group):,} of {rows:,} rows: {', '.join(values)}"
            )
    left = len(sentences) - _MOST_PROBLEMS
    more = [f"{left} more problems"] if left > 0 else []
    return (*sentences[:_MOST_PROBLEMS], *more)


def _range(feature: object, schema: EventSchema) -> Range:
    if isinstance(feature, d.IsWeekend | d.IsBetweenHours):
        return Range(0.0, 1.0, whole=True)
    if isinstance(feature, d.HourOfDay):
        return Range(0.0, 23.0, whole=True)
    if isinstance(feature, d.Count | d.WindowCount | d.WindowDistinct):
        return Range(0.0, whole=True)
    if isinstance(feature, d.DecayedCount | d.DaysSince | d.DaysSincePrevious | d.WindowStd):
        return Range(0.0)
    if isinstance(feature, d.LastValue):
        return _field_range(feature.field, schema, is_value=True)
    if isinstance(feature, d.Mean | d.Min | d.Max | d.WindowMean | d.WindowMin | d.WindowMax):
        return _field_range(feature.field, schema, is_value=False)
    if isinstance(feature, d.Sum | d.DecayedSum | d.WindowSum):
        declared = schema.fields.get(feature.field)
        return Range(0.0) if isinstance(declared, Number) and declared.lowest >= 0 else Range()
    return Range()


def _field_range(field: str, schema: EventSchema, *, is_value: bool) -> Range:
    declared = schema.fields.get(field)
    if isinstance(declared, Category):
        return Range(0.0, float(len(declared.values) - 1), whole=is_value)
    if isinstance(declared, Number):
        return Range(declared.lowest, declared.highest, whole=is_value and declared.integer)
    return Range()
