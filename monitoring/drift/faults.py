"""Signs of a broken producer: values never seen before, another unit, columns that come or go."""

from collections.abc import Mapping, Sequence

import numpy as np

from monitoring.drift.columns import Floats, Rows

_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
# How far the factors at several quantiles may lie apart and still be one factor.
_ONE_FACTOR = 1.25


def never_seen_by_week(
    weeks: Sequence[Rows], reference: Rows, *, categories: frozenset[str]
) -> Mapping[str, list[float]]:
    """Column → for each quiet week the number of its values that no other one has.

    The reference counts as another one. Of categories: codes that are new. Of numbers: values below
    the smallest or above the largest one.
    """
    counts = {}
    for name in dict.fromkeys(name for week in weeks for name in week.columns):
        columns = [_present(rows, name) for rows in (*weeks, reference)]
        counts[name] = [
            _outside(
                week,
                [values for number, values in enumerate(columns) if number != index],
                is_category=name in categories,
            )
            for index, week in enumerate(columns[:-1])
        ]
    return counts


def never_seen_before(
    weeks: Sequence[Rows], reference: Rows, current: Rows, *, categories: frozenset[str]
) -> Mapping[str, float]:
    """Column → number of values of the current period that no quiet week and not the reference has.

    What counts as new: see `never_seen_by_week`.
    """
    return {
        name: _outside(
            _present(current, name),
            [_present(rows, name) for rows in (*weeks, reference)],
            is_category=name in categories,
        )
        for name in current.columns
    }


def unit_factor(before: Floats, after: Floats) -> float | None:
    """By which factor all of `after` (n,) is larger than `before` (m,); None: by no single one.

    Another unit (cents for euros, minutes for seconds) multiplies every quantile alike; a real
    change seldom does.
    """
    quantiles = [
        np.quantile(values, _LEVELS) if len(values) else np.zeros(len(_LEVELS))
        for values in (before[~np.isnan(before)], after[~np.isnan(after)])
    ]
    if (quantiles[0] == 0.0).sum() > 1 or np.ptp(quantiles[0]) == 0.0:
        return None
    is_usable = quantiles[0] != 0.0
    factors = quantiles[1][is_usable] / quantiles[0][is_usable]
    if factors.min() <= 0.0 or factors.max() > factors.min() * _ONE_FACTOR:
        return None
    return float(np.median(factors))


def is_stuck(before: Floats, after: Floats) -> bool:
    """Whether a column that varied has one value in 99 of 100 rows now."""
    return _most_common(after) >= 0.99 > 0.9 > _most_common(before)


def _most_common(values: Floats) -> float:
    present = values[~np.isnan(values)]
    if not len(present):
        return 0.0
    return float(np.unique(present, return_counts=True)[1].max() / len(present))


def _present(rows: Rows, name: str) -> Floats:
    values = rows.columns.get(name, np.zeros(0))
    present: Floats = values[~np.isnan(values)]
    return present


def _outside(values: Floats, others: Sequence[Floats], *, is_category: bool) -> float:
    known_values = np.concatenate(others)
    if not len(values) or not len(known_values):
        return 0.0
    if is_category:
        return float((~np.isin(values, known_values)).sum())
    return float(((values < known_values.min()) | (values > known_values.max())).sum())
