"""The held-out part depends on the id alone."""

from hypothesis import given
from hypothesis import strategies as st

from batch.training_sets.rows import is_held_out


def test_the_split_of_an_id_never_changes() -> None:
    ids = ["7590-VHVEG", "5575-GNVDE", "3668-QPYBK", "7795-CFOCW", "9237-HQITU"]
    held_out = [is_held_out(entity, fraction=0.2) for entity in ids]
    assert held_out == [False, True, False, False, False]


def test_a_fifth_is_about_a_fifth() -> None:
    held_out = sum(is_held_out(f"customer-{number}", fraction=0.2) for number in range(10_000))
    assert 1_850 < held_out < 2_150


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_fraction_holds_out_more(entity: str, first: float, second: float) -> None:
    smaller, larger = sorted((first, second))
    assert is_held_out(entity, fraction=larger) or not is_held_out(entity, fraction=smaller)
