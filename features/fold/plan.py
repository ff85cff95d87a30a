"""What a compiled set of features consists of: state slots, operations and read-outs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.fold.window_plan import WindowPlan

CODE, COUNT, REAL = "code", "count", "real"


@dataclass(frozen=True)
class Slot:
    """One number of an entity's state.

    `storage` says which numbers it holds, and so how compactly they are stored: CODE 0 to 254 or
    NaN (1 byte), COUNT whole numbers from 0 to 2**32 - 1, never NaN (4 bytes), REAL any (8 bytes).
    """

    name: str
    storage: str
    initial: float


@dataclass(frozen=True)
class Plan:
    """What the fold does per event type, what it keeps and what it reads out.

    `digest` is 16 hex digits over the schema's fields, the features and the kernel's version:
    equal digests mean equal meaning of state and features. `reads` are read-outs of slots; the
    other columns of a feature row are read by `windows`.
    """

    slots: tuple[Slot, ...]
    feature_names: tuple[str, ...]
    first_op: npt.NDArray[np.int64]
    ops: npt.NDArray[np.int64]
    op_rates: npt.NDArray[np.float64]
    reads: npt.NDArray[np.int64]
    read_rates: npt.NDArray[np.float64]
    digest: str
    windows: WindowPlan | None = None
