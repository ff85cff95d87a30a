"""State cells: exact both ways, and never misread."""

import numpy as np
import pytest

from features.fold.compiler import compile_plan
from features.fold.state import StateCodec
from features.fold.state_errors import DefinitionsChanged, StateFormatError
from tests.unit.features.fold.test_fold import FEATURES, PLAN, SCHEMA, folded

CALL = ("a", 1_767_225_600_000, {"type": "call", "minutes": 3.25, "reason": "complaint"})


def test_a_cell_is_small_and_reads_back_exactly() -> None:
    codec = StateCodec(PLAN)
    cell = folded([CALL], [])[1]["a"]
    assert len(cell) == 10 + 32 + 4 + 4 + 8 + 4 + 1 + 8 + 8 + 8 + 8
    assert codec.encode(codec.decode([cell])) == [cell]


def test_missing_cells_are_empty_states_in_their_places() -> None:
    cell = folded([CALL], [])[1]["a"]
    states = StateCodec(PLAN).decode([None, cell, None])
    assert states.events.tolist() == [0, 1, 0]
    assert states.first_stamp.tolist() == [-1, 0, -1]
    assert np.isnan(states.slots[0, 4])


def test_a_cell_of_other_definitions_is_recognised_and_names_the_remedy() -> None:
    cell = folded([CALL], [])[1]["a"]
    other = StateCodec(compile_plan(SCHEMA, FEATURES[1:]))
    with pytest.raises(DefinitionsChanged, match=f"{PLAN.digest}.*rebuild_state"):
        other.decode([cell])


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c + b"\0", lambda c: b"X" + c[1:]])
def test_a_damaged_cell_is_recognised(damage: object) -> None:
    cell = folded([CALL], [])[1]["a"]
    with pytest.raises(StateFormatError, match="state cell"):
        StateCodec(PLAN).decode([damage(cell)])  # type: ignore[operator]


def test_the_one_damaged_cell_among_many_is_told() -> None:
    cell = folded([CALL], [])[1]["a"]
    with pytest.raises(StateFormatError, match=f"has {len(cell) + 3} bytes, expected {len(cell)}"):
        StateCodec(PLAN).decode([cell, None, cell + b"abc", cell[:-3]])
    with pytest.raises(StateFormatError, match="begins with b'X"):
        StateCodec(PLAN).decode([cell, b"X" + cell[1:]])
