"""Features read from states alone, without an event: the input of batch scoring."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.fold.kernel import read_states
from features.fold.plan import Plan
from features.fold.state import StateCodec, States
from features.fold.window_kernel import read_windows
from features.fold.window_plan import WindowPlan


def features_of_states(
    plan: Plan, states: States, *, at_ms: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Features float64 (e, k) and the time they refer to, as_of_ms int64 (e,).

    at_ms None: as of each state's own latest event time, bit-equal to the features of the entity's
    last event. Otherwise as of `at_ms` (UTC epoch ms), so that sums go on decaying and days since
    go on growing; never before the latest event time. NaN where missing; so are features that
    compare an event with its window. Windows without the current event hold all events here.
    """
    as_of_ms = states.latest_ms if at_ms is None else np.maximum(states.latest_ms, at_ms)
    as_of_ms = np.ascontiguousarray(as_of_ms, dtype=np.int64)
    features = np.empty((len(states), len(plan.feature_names)))
    slots = np.ascontiguousarray(states.slots)
    read_states(plan.reads, plan.read_rates, slots, as_of_ms, features)
    if plan.windows is not None:
        _read_windows(plan.windows, states, np.arange(len(states)), as_of_ms, features)
    return features, as_of_ms


def features_as_of(
    plan: Plan, states: States, rows: npt.NDArray[np.int64], at_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Window features of the states `rows` (q,) as of `at_ms` (q,), float64 (q, k).

    Buffered events dated later are left out, whatever was folded since. The plan must have windows
    only.
    """
    features = np.full((len(rows), len(plan.feature_names)), np.nan)
    if plan.windows is not None:
        _read_windows(plan.windows, states, rows, at_ms, features)
    return features


def _read_windows(
    windows: WindowPlan,
    states: States,
    rows: npt.NDArray[np.int64],
    at_ms: npt.NDArray[np.int64],
    features: npt.NDArray[np.float64],
) -> None:
    buffers = states.buffers
    if buffers is None:
        raise ValueError(
            "the plan has windows, but these states have no buffers: other definitions"
        )
    entries = (buffers.times_ms, buffers.types, buffers.values)
    read_windows(
        rows, at_ms, buffers.starts, buffers.counts, entries, windows.scans, windows.reads, features
    )


def states_in(codec: StateCodec, cells: pa.Array) -> States:
    """States of an Arrow binary column without nulls; no Python object per row.

    Raises `DefinitionsChanged` or `StateFormatError`, as `codec.decode` does.
    """
    size = len(codec.prefix) + codec.record.itemsize
    if codec.plan.windows is not None:  # cells differ in length
        return codec.decode(cells.to_pylist())
    cells = cells.cast(pa.large_binary())
    _, offset_buffer, bytes_buffer = cells.buffers()
    ends = np.frombuffer(offset_buffer, np.int64, len(cells) + 1, offset=8 * cells.offset)
    if cells.null_count or not len(cells) or (np.diff(ends) != size).any():
        return codec.decode(cells.to_pylist())
    packed = np.frombuffer(bytes_buffer, np.uint8, len(cells) * size, offset=int(ends[0]))
    rows = packed.reshape(len(cells), size)
    if (rows[:, : len(codec.prefix)] != np.frombuffer(codec.prefix, np.uint8)).any():
        return codec.decode(cells.to_pylist())
    return codec.unpacked(np.ascontiguousarray(rows[:, len(codec.prefix) :]).view(codec.record))
