"""Joined batches hold the same rows in the same order, within their bounds."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from streaming.passes.joined_batches import joined


def batches(sizes: list[int], *, begin: int = 0) -> list[pa.RecordBatch]:
    """Batches of `sizes` rows whose values count on from `begin`."""
    record_batches = []
    for size in sizes:
        values = pa.array(range(begin, begin + size), pa.int64())
        record_batches.append(pa.record_batch({"value": values}))
        begin += size
    return record_batches


def values(record_batches: list[pa.RecordBatch]) -> list[int]:
    """All values in order."""
    return [value for batch in record_batches for value in batch.column("value").to_pylist()]


@given(st.lists(st.integers(0, 7), max_size=12), st.integers(1, 20), st.integers(1, 200))
def test_every_row_comes_once_in_order_and_within_the_bounds(
    sizes: list[int], most_rows: int, most_bytes: int
) -> None:
    output = list(joined(iter(batches(sizes)), most_rows=most_rows, most_bytes=most_bytes))
    assert values(output) == list(range(sum(sizes)))
    whole = [8 * size for size in sizes]
    for batch in output:
        assert 0 < batch.num_rows <= most_rows or batch.num_rows in sizes
        assert batch.nbytes <= most_bytes or batch.nbytes in whole


def test_as_many_as_fit_are_joined() -> None:
    output = joined(iter(batches([4, 0, 4, 4, 1])), most_rows=9)
    assert [batch.num_rows for batch in output] == [8, 5]
    output = joined(iter(batches([4, 4, 4])), most_rows=100, most_bytes=64)
    assert [batch.num_rows for batch in output] == [8, 4]


def test_what_is_joined_is_handed_out_before_more_is_asked_for() -> None:
    source_batches = []

    def source() -> object:
        for batch in batches([4, 4, 4]):
            source_batches.append(batch)
            yield batch

    output = joined(source(), most_rows=4)  # type: ignore[arg-type]
    assert values([next(output)]) == [0, 1, 2, 3]
    assert len(source_batches) == 2
