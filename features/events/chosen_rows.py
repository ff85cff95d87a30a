"""Selected rows of a batch's columns; nearly always all of them, which needs no copy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from features.byte_column import ByteColumn

Rows = npt.NDArray[np.int64]


def chosen_rows(values: npt.NDArray[Any], rows: Rows) -> npt.NDArray[Any]:
    """`values[rows]` for distinct, ascending `rows`: `values` itself when these are all."""
    return values if len(rows) == len(values) else values[rows]


def chosen_bytes(values: ByteColumn, rows: Rows) -> ByteColumn:
    """The same of a column of bytes."""
    return values if len(rows) == len(values) else values.take(rows)
