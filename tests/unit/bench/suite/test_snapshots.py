"""Whether two runs over the same topic left the same."""

from bench.suite.observations.snapshots import Snapshot, differing_rows


def rows(**cells: tuple[bytes | None, float]) -> Snapshot:
    return {key.encode(): (state, {"score": score}) for key, (state, score) in cells.items()}


def test_equal_runs_differ_in_nothing() -> None:
    assert differing_rows(rows(a=(b"s", 0.5)), rows(a=(b"s", 0.5))) == 0


def test_state_score_and_absence_each_count_as_one_row() -> None:
    actual = rows(a=(b"s", 0.5), b=(b"s", 0.5), c=(None, 0.5), e=(None, 0.1))
    expected = rows(a=(b"t", 0.5), b=(b"s", 0.6), d=(None, 0.5), e=(None, 0.1))
    assert differing_rows(actual, expected) == 4
