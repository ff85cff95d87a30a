"""Spans that no run of records covers."""

import random

from streaming.archive.gaps import Span, complement


def test_what_lies_before_between_and_behind_the_runs_is_found() -> None:
    runs = [Span(1, 8, 9), Span(0, 2, 4), Span(0, 4, 5), Span(0, 7, 10)]
    gaps = list(complement(runs, {0: 0, 1: 8, 2: 3}, {0: 12, 1: 9, 2: 5}))
    assert gaps == [Span(0, 0, 2), Span(0, 5, 7), Span(0, 10, 12), Span(2, 3, 5)]
    assert [gap.offsets for gap in gaps] == [2, 2, 2, 2]


def test_runs_and_gaps_together_are_every_offset_once() -> None:
    random_ = random.Random(3)
    for _ in range(200):
        begin, end = random_.randrange(50), random_.randrange(50, 100)
        present = {offset for offset in range(begin, end) if random_.random() < 0.7}
        runs = [Span(0, offset, offset + 1) for offset in present]
        gaps = complement(runs, {0: begin}, {0: end})
        covered = [offset for gap in gaps for offset in range(gap.begin, gap.end)]
        assert sorted([*covered, *present]) == list(range(begin, end))
