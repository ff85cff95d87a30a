"""Columns of a period as figures that shift when the data do, each a function of means over rows.

Of every column: the share of missing values, the shares of its bins among the present ones, the
mean position of a value among those of the quiet weeks (as in Wilcoxon's test of location), and its
mean distance from their middle (as in the Ansari-Bradley test of spread: a larger standard
deviation moves values to both ends). All are bounded, so that a few extreme values cannot spoil
them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch.explore.value_bins import bins_from
from monitoring.period_data import PeriodData

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.float32]

SCORE = "score"
_QUANTILES = 10


@dataclass(frozen=True, kw_only=True)
class Rows:
    """n cases: column → float64 (n,), NaN for missing; entities int64 (n,)."""

    columns: Mapping[str, Floats]
    entities: Ints

    def __len__(self) -> int:
        return len(self.entities)


def rows_of(period: PeriodData, *, most_rows: int, seed: int) -> Rows:
    """Scores and features of a period's cases, at most `most_rows` of them."""
    count = len(period.cases)
    chosen_rows = np.arange(count)
    if count > most_rows:
        random = np.random.default_rng((seed, period.period.number))
        chosen_rows = np.sort(random.choice(count, most_rows, replace=False))
    columns = {SCORE: period.cases.scores[chosen_rows]}
    for number, name in enumerate(period.feature_names):
        columns[name] = period.features[chosen_rows, number]
    return Rows(columns=columns, entities=period.cases.entities[chosen_rows])


@dataclass(frozen=True, kw_only=True)
class ColumnScale:
    """How one column is measured, from the values of the quiet weeks.

    starts   first value of each bin, rising; ordered float64 (m,): all present values, rising;
             empty for categories, which have no order
    """

    name: str
    starts: Floats
    ordered: Floats

    @property
    def width(self) -> int:
        """Number of means, and of figures."""
        return 1 + len(self.starts) + 2 * bool(len(self.ordered))

    def indicators(self, values: Floats) -> Small:
        """What is averaged, float32 (n, width): missing, bins, then position and distance."""
        is_missing = np.isnan(values)
        table = np.zeros((len(values), self.width), dtype=np.float32)
        table[:, 0] = is_missing
        if len(self.starts):
            present = np.flatnonzero(~is_missing)
            table[present, 1 + bins_from(values[present], self.starts)] = 1.0
            if len(self.ordered):
                below = np.searchsorted(self.ordered, values[present], side="left")
                upto = np.searchsorted(self.ordered, values[present], side="right")
                positions = (below + upto) / (2.0 * len(self.ordered))
                table[present, -2] = positions
                table[present, -1] = np.abs(positions - 0.5)
        return table

    def figures(self, sums: Floats, rows: Floats) -> Floats:
        """Figures (b, width) from sums (b, width) over `rows` (b,) rows; without a value: NaN.

        Shares as angles, 2·asin(√p), whose variance is about 1/n whatever p is (Anscombe, "The
        transformation of Poisson, binomial and negative-binomial data", 1948).
        """
        present = np.maximum(rows - sums[:, 0], 0.0)[:, None]
        bins = len(self.starts)
        parts = [_angles(sums[:, :1], rows[:, None]), _angles(sums[:, 1 : 1 + bins], present)]
        if len(self.ordered):
            with np.errstate(invalid="ignore", divide="ignore"):
                parts.append(sums[:, 1 + bins :] / present)
        table: Floats = np.concatenate(parts, axis=1)
        table[:, 1:][np.broadcast_to(present < 1.0, table[:, 1:].shape)] = np.nan
        return table


def column_scale(name: str, values: Floats, *, is_category: bool) -> ColumnScale:
    """The scale of a column from its values (n,) in the quiet weeks."""
    ordered = np.sort(values[~np.isnan(values)])
    distinct = np.unique(ordered)
    if is_category or len(distinct) <= _QUANTILES:
        starts = distinct
    else:
        levels = np.arange(_QUANTILES) / _QUANTILES
        starts = np.unique(np.quantile(ordered, levels, method="higher"))
    return ColumnScale(name=name, starts=starts, ordered=ordered[:0] if is_category else ordered)


@dataclass(frozen=True, kw_only=True)
class Scales:
    """All columns side by side."""

    columns: Sequence[ColumnScale]

    @property
    def names(self) -> list[str]:
        """The column of each figure."""
        return [column.name for column in self.columns for _ in range(column.width)]

    @property
    def is_missing_share(self) -> npt.NDArray[np.bool_]:
        """Whether a figure is a share of missing values."""
        return np.concatenate(
            [np.arange(column.width) == 0 for column in self.columns] or [np.zeros(0, bool)]
        )

    def least(self, rows: float) -> Floats:
        """Variance by chance of each figure at `rows` rows, at least (figures,).

        A value that no quiet week has does not vary in resamples; half of an angle's variance then.
        """
        parts = []
        for column in self.columns:
            least = np.full(column.width, 0.5 / rows)
            least[1 + len(column.starts) :] = 1e-4 / rows  # of means of positions: 1/12 and 1/48
            parts.append(least)
        return np.concatenate(parts)

    def indicators(self, rows: Rows) -> Small:
        """What is averaged, float32 (n, figures); a column that `rows` lacks is missing."""
        absent = np.full(len(rows), np.nan)
        parts = [
            column.indicators(rows.columns.get(column.name, absent)) for column in self.columns
        ]
        return np.concatenate(parts, axis=1)

    def figures(self, sums: Floats, rows: Floats) -> Floats:
        """Figures (b, figures) of sums (b, figures) over `rows` (b,) rows each."""
        parts, begin = [], 0
        for column in self.columns:
            parts.append(column.figures(sums[:, begin : begin + column.width], rows))
            begin += column.width
        return np.concatenate(parts, axis=1)

    def figures_of(self, rows: Rows) -> Floats:
        """Figures (figures,) of the rows as they are."""
        sums = self.indicators(rows).sum(axis=0, dtype=np.float64)[None]
        table: Floats = self.figures(sums, np.array([float(len(rows))]))[0]
        return table


def _angles(counts: Floats, rows: Floats) -> Floats:
    shares = np.clip((counts + 0.375) / (rows + 0.75), 0.0, 1.0)
    angles: Floats = 2.0 * np.arcsin(np.sqrt(shares))
    return angles
