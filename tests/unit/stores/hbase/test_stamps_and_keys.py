"""Positions as timestamps, ids as row keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores.hbase.keys import entity_of, row_key, split_keys
from stores.hbase.stamps import MAX_OFFSET, epoch_of, offset_of, stamp

offsets = st.integers(0, MAX_OFFSET)
epochs = st.integers(0, (1 << 19) - 1)


@given(epochs, offsets)
def test_a_stamp_gives_back_its_position_and_fits_hbase(epoch: int, offset: int) -> None:
    position = stamp(epoch, offset)
    assert (epoch_of(position), offset_of(position)) == (epoch, offset)
    assert 0 <= position < 2**63


@given(st.tuples(epochs, offsets), st.tuples(epochs, offsets))
def test_stamps_are_ordered_as_epoch_and_offset(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    assert (stamp(*one) < stamp(*other)) == (one < other)


@pytest.mark.parametrize(("epoch", "offset"), [(0, -1), (0, MAX_OFFSET + 1), (-1, 0), (1 << 19, 0)])
def test_a_position_that_does_not_fit_is_refused(epoch: int, offset: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        stamp(epoch, offset)


@given(st.text(min_size=1).filter(lambda t: t.isprintable()))
def test_any_id_survives_the_way_through_a_row_key(entity: str) -> None:
    assert entity_of(row_key(entity)) == entity


def test_row_keys_begin_with_two_hex_digits_and_spread_evenly() -> None:
    prefixes = [row_key(f"{number:04d}-CUSTOMER")[:3] for number in range(10_000)]
    assert len(set(prefixes)) == 256
    assert max(prefixes.count(p) for p in set(prefixes)) < 80  # 39 on average


def test_regions_are_cut_at_equal_prefixes() -> None:
    assert split_keys(4) == ["40", "80", "c0"]
    assert split_keys(1) == []
    with pytest.raises(ValueError, match=r"hbase\.regions"):
        split_keys(0)
