"""Cases of three bands whose every column is given or neutral."""

import numpy as np
import numpy.typing as npt

from monitoring.cases import Cases

DAY_MS = 86_400_000


def cases(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    entities: npt.ArrayLike | None = None,
    made_ms: npt.ArrayLike | None = None,
    is_control: npt.ArrayLike | None = None,
    control_share: float = 0.0,
    is_shown: npt.ArrayLike | None = None,
    is_accepted: npt.ArrayLike | None = None,
    action_cost: npt.ArrayLike | None = None,
    amounts: npt.ArrayLike | None = None,
    limits: tuple[float, float, float] = (0.0, 0.25, 0.5),
    band_names: tuple[str, str, str] = ("low", "medium", "high"),
) -> Cases:
    values = np.asarray(scores, dtype=np.float64)
    count = len(values)
    zeros = np.zeros(count, dtype=np.int64)
    no = np.zeros(count, dtype=bool)
    control = no if is_control is None else np.asarray(is_control, dtype=bool)
    propensity = np.where(control, control_share, 1.0 - control_share)
    return Cases(
        entities=np.arange(count) if entities is None else np.asarray(entities, dtype=np.int64),
        made_ms=zeros if made_ms is None else np.asarray(made_ms, dtype=np.int64),
        scores=values,
        labels=np.asarray(labels, dtype=np.float64),
        known_ms=zeros,
        versions=zeros,
        bands=(np.searchsorted(limits, values, side="right") - 1).astype(np.int64),
        actions=zeros,
        limits=np.tile(limits, (count, 1)),
        is_control=control,
        propensity=propensity,
        is_shown=no if is_shown is None else np.asarray(is_shown, dtype=bool),
        is_accepted=no if is_accepted is None else np.asarray(is_accepted, dtype=bool),
        action_cost=(
            np.zeros(count) if action_cost is None else np.asarray(action_cost, dtype=np.float64)
        ),
        amounts=(
            np.full(count, np.nan) if amounts is None else np.asarray(amounts, dtype=np.float64)
        ),
        slices={},
        version_names=("1",),
        band_names=band_names,
        action_names=("none",),
        slice_values={},
    )
