"""Logged predictions of a period with what became of them, as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
NOT_KNOWN_MS = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class Cases:
    """n predictions that are measured, each once; all columns have the length n.

    Where labels are of events, each prediction is a case. Where they are of entities, a case is the
    last prediction of an entity in the period, and its label is the entity's first outcome from
    then on.

    entities      int64    number of the entity
    made_ms       int64    when the event that was scored arrived, UTC epoch ms
    scores        float64  probability in [0, 1] by the version that decided
    labels        float64  1 positive, 0 negative; NaN: not known at the time of looking
    known_ms      int64    when the label arrived, UTC epoch ms; `NOT_KNOWN_MS`
    versions      int64    index into `version_names`
    bands         int64    index into `band_names`, by rising score
    actions       int64    index into `action_names`
    limits        float64  (n, bands) lowest score of each band, as it was when the case was decided
    is_control    bool     in the control group: no action was taken whatever the score
    propensity    float64  probability of the arm the case is in (control or acted on); 1: no arms
    is_shown      bool     an outcome record says that an agent saw it; all False without outcomes
    is_accepted   bool     the offer was accepted
    action_cost   float64  what the action cost, in the scenario's currency; 0 without outcomes
    amounts       float64  money at stake, in the scenario's currency; NaN: the scenario has none
    slices        name of the slice's column → int64, index into `slice_values[name]`; -1: missing
    """

    entities: Ints
    made_ms: Ints
    scores: Floats
    labels: Floats
    known_ms: Ints
    versions: Ints
    bands: Ints
    actions: Ints
    limits: Floats
    is_control: Flags
    propensity: Floats
    is_shown: Flags
    is_accepted: Flags
    action_cost: Floats
    amounts: Floats
    slices: Mapping[str, Ints]
    version_names: Sequence[str]
    band_names: Sequence[str]
    action_names: Sequence[str]
    slice_values: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def is_labelled(self) -> Flags:
        """Whose label is known, bool (n,)."""
        return ~np.isnan(self.labels)

    def where(self, rows: Flags | Ints) -> "Cases":
        """The cases of `rows`: flags (n,) or row numbers."""
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)  # once, not for each of some fifteen columns
        columns = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        slices = {name: codes[rows] for name, codes in self.slices.items()}
        return replace(self, **columns, slices=slices)

    def known_by(self, now_ms: int) -> "Cases":
        """The same cases with the labels that had arrived by `now_ms` only."""
        is_known = self.known_ms <= now_ms
        labels = np.where(is_known, self.labels, np.nan)
        return replace(
            self, labels=labels, known_ms=np.where(is_known, self.known_ms, NOT_KNOWN_MS)
        )


@dataclass(frozen=True, kw_only=True)
class Period:
    """A stretch of time whose predictions are measured together: [begin_ms, end_ms), UTC epoch ms.

    number: 0 for the first period of the scenario; periods follow each other without gaps
    """

    number: int
    begin_ms: int
    end_ms: int

    def is_mature(self, now_ms: int, *, maturity_ms: int) -> bool:
        """Whether all its labels should have arrived: `maturity_ms` after its end."""
        return now_ms >= self.end_ms + maturity_ms

    def holds(self, times_ms: Ints) -> Flags:
        """Which of n times lie in it, bool (n,)."""
        inside: Flags = (times_ms >= self.begin_ms) & (times_ms < self.end_ms)
        return inside


def periods(first_ms: int, upto_ms: int, *, days: float) -> list[Period]:
    """All whole periods of `days` from `first_ms` on that have ended by `upto_ms`."""
    length = int(days * DAY_MS)
    count = max((upto_ms - first_ms) // length, 0)
    return [
        Period(number=n, begin_ms=first_ms + n * length, end_ms=first_ms + (n + 1) * length)
        for n in range(count)
    ]
