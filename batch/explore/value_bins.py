"""Values of a feature in a few bins with words for each: categories, single numbers, quantiles."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

BINS = 8
MISSING = -1

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def binned(
    values: Values, *, names: Sequence[str] | None = None
) -> tuple[Codes, Mapping[int, str]]:
    """The bin of each of `values` (n,), `MISSING` for NaN, and words per bin.

    names: category names by code. Otherwise at most `BINS` different numbers have a bin each; more
    are cut at their quantiles, which gives bins of about equal size.
    """
    present = values[~np.isnan(values)]
    distinct = np.unique(present)
    if names is not None or len(distinct) <= BINS:
        starts = distinct
        words = [_name(value, names) for value in distinct.tolist()]
    else:
        starts = _starts(present)
        words = _ranges(starts, float(distinct[-1]))
    return bins_from(values, starts), {MISSING: "missing", **dict(enumerate(words))}


def bins_from(values: Values, starts: Values) -> Codes:
    """Which bin each of `values` (n,) is in: the last whose start is not above; NaN: `MISSING`.

    `starts` (b,) rise; what lies below the first is in the first.
    """
    positions = np.maximum(np.searchsorted(starts, values, side="right") - 1, 0)
    return np.where(np.isnan(values), MISSING, positions).astype(np.int64)


def _starts(present: Values) -> Values:
    # Quantiles that are values themselves, so that a bin's start belongs to it.
    return np.unique(np.quantile(present, np.arange(BINS) / BINS, method="higher"))


def _ranges(starts: Values, largest: float) -> list[str]:
    """Words for each bin; a range holds its lower end and, but for the last, not its upper one."""
    ends = [*starts[1:].tolist(), largest]
    return [
        _number(start) if start == end else f"{_number(start)} to {_number(end)}"
        for start, end in zip(starts.tolist(), ends, strict=True)
    ]


def _name(value: float, names: Sequence[str] | None) -> str:
    if names is None:
        return _number(value)
    return names[int(value)] if 0 <= value < len(names) else f"code {value:g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
