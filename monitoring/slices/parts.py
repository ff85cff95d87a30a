"""The parts of the cases that are looked through: one column's value, or two columns' values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from monitoring.cases import Flags, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class SlicedValues:
    """A value of each of n cases with their slices.

    values  float64 (n,)
    codes   column → int64 (n,), index into `names[column]`; -1: missing, in no slice
    """

    values: Floats
    codes: Mapping[str, Ints]
    names: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(self.values)

    def where(self, rows: Flags) -> "SlicedValues":
        """The values of `rows`, bool (n,)."""
        codes = {column: codes[rows] for column, codes in self.codes.items()}
        return SlicedValues(values=self.values[rows], codes=codes, names=self.names)

    def rows_of(self, part: str) -> Flags:
        """Which cases belong to a part, bool (n,); see `rows_of`."""
        return rows_of(part, len(self), self.codes, self.names)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How far the mean of a part is above that of all other cases, with its standard error."""

    part: str
    count: int
    gap: float
    error: float


def rows_of(
    part: str, count: int, codes: Mapping[str, Ints], names: Mapping[str, Sequence[str]]
) -> Flags:
    """Which of `count` cases belong to a part, bool (n,): COLUMN=VALUE, or two joined by " & ".

    Nobody belongs to a value that there is not.
    """
    rows = np.ones(count, dtype=np.bool_)
    for condition in part.split(" & "):
        column, _, name = condition.partition("=")
        values = list(names.get(column, ()))
        rows &= (codes[column] == values.index(name)) if name in values else False
    return rows


def pooled(parts: Sequence[SlicedValues]) -> SlicedValues:
    """All of them in one; they share the names of their codes. At least one is needed."""
    return SlicedValues(
        values=np.concatenate([part.values for part in parts]),
        codes={
            column: np.concatenate([part.codes[column] for part in parts])
            for column in parts[0].codes
        },
        names=parts[0].names,
    )


def gaps(sliced: SlicedValues, *, least: int) -> Iterator[Gap]:
    """The gap of every part that has `least` cases and leaves as many out (Welch's error)."""
    for column in sliced.codes:
        yield from _gaps(sliced, (column,), least)
    for pair in combinations(sliced.codes, 2):
        yield from _gaps(sliced, pair, least)


def gap_of(sliced: SlicedValues, rows: Flags) -> tuple[float, float]:
    """The gap of `rows` (n,) and its error; at least two cases inside and outside."""
    inside, outside = sliced.values[rows], sliced.values[~rows]
    variance = float(inside.var(ddof=1)) / len(inside) + float(outside.var(ddof=1)) / len(outside)
    return float(inside.mean() - outside.mean()), float(np.sqrt(variance))


def _gaps(sliced: SlicedValues, columns: tuple[str, ...], least: int) -> Iterator[Gap]:
    codes, size = np.zeros(len(sliced), dtype=np.int64), 1
    is_in = np.ones(len(sliced), dtype=np.bool_)
    for column in columns:
        is_in &= sliced.codes[column] >= 0
        codes = codes * len(sliced.names[column]) + sliced.codes[column]
        size *= len(sliced.names[column])
    values, codes = sliced.values[is_in], codes[is_in]
    counts = np.bincount(codes, minlength=size).astype(np.float64)
    sums = np.bincount(codes, weights=values, minlength=size)
    squares = np.bincount(codes, weights=values**2, minlength=size)
    others, sums_out = len(sliced) - counts, sliced.values.sum() - sums
    squares_out = (sliced.values**2).sum() - squares
    for code in np.flatnonzero((counts >= max(least, 2)) & (others >= max(least, 2))).tolist():
        inside, outside = counts[code], others[code]
        mean, mean_out = sums[code] / inside, sums_out[code] / outside
        variance = (squares[code] / inside - mean**2) / (inside - 1.0)
        variance += (squares_out[code] / outside - mean_out**2) / (outside - 1.0)
        yield Gap(
            part=_name(sliced, columns, code),
            count=int(inside),
            gap=float(mean - mean_out),
            error=float(np.sqrt(max(variance, 0.0))),
        )


def _name(sliced: SlicedValues, columns: tuple[str, ...], code: int) -> str:
    names = []
    for column in reversed(columns):
        code, index = divmod(code, len(sliced.names[column]))
        names.append(f"{column}={sliced.names[column][index]}")
    return " & ".join(reversed(names))
