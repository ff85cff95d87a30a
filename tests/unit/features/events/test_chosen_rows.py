"""Chosen rows are what indexing gives, and the column itself when all are chosen."""

import numpy as np
import pytest

from features.byte_column import ByteColumn
from features.events.chosen_rows import chosen_bytes, chosen_rows

VALUES = np.arange(12.0).reshape(4, 3)
TEXTS = ByteColumn.of([b"a", None, b"", b"dd"])


@pytest.mark.parametrize("rows", [[], [2], [0, 3], [0, 1, 2, 3]])
def test_rows_are_those_that_indexing_gives(rows: list[int]) -> None:
    indices = np.array(rows, dtype=np.int64)
    assert np.array_equal(chosen_rows(VALUES, indices), VALUES[indices])
    assert list(chosen_bytes(TEXTS, indices)) == [TEXTS[row] for row in rows]


def test_all_rows_are_not_copied() -> None:
    every = np.arange(4)
    assert chosen_rows(VALUES, every) is VALUES
    assert chosen_bytes(TEXTS, every) is TEXTS
