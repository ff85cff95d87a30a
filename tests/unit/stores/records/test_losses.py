"""Ranges that were accepted as lost: what they cover, and what is left of a new one."""

import pytest

from stores.records.losses import Loss, LossFiles, behind_losses, uncovered
from tests.unit.streaming.position.test_checkpoints import MemoryFiles


def loss(first: int, end: int, *, partition: int = 0) -> Loss:
    return Loss(
        topic="tiny.events",
        topic_id="t1",
        partition=partition,
        first=first,
        end=end,
        missing_in="stream",
        epoch=1,
        accepted_at="2026-11-28T05:00:00Z",
        accepted_by="ann@here (--accept-loss)",
    )


@pytest.mark.parametrize(
    ("first", "end", "remaining"),
    [
        (0, 10, [(0, 10)]),
        (10, 20, []),
        (12, 18, []),
        (5, 25, [(5, 10), (20, 25)]),
        (15, 45, [(20, 30), (40, 45)]),
        (10, 40, [(20, 30)]),
        (20, 30, [(20, 30)]),
        (7, 7, []),
    ],
)
def test_what_is_left_of_a_range_beside_losses(
    first: int, end: int, remaining: list[tuple[int, int]]
) -> None:
    losses = [loss(30, 40), loss(10, 20), loss(12, 15), loss(0, 99, partition=1)]
    assert uncovered(losses, partition=0, first=first, end=end) == remaining


def test_losses_that_follow_each_other_are_passed_together() -> None:
    losses = [loss(10, 20), loss(20, 25), loss(40, 50)]
    assert [behind_losses(losses, partition=0, offset=at) for at in (9, 10, 24, 25, 45)] == [
        9,
        25,
        25,
        25,
        50,
    ]


def test_files_keep_each_loss_once_and_its_first_acceptance() -> None:
    files = LossFiles(MemoryFiles(), "/delta/tiny/losses/tiny")
    assert files.read() == []
    files.write([loss(10, 20)])
    files.write([loss(30, 40, partition=1), loss(10, 20)])
    assert files.read() == [loss(10, 20), loss(30, 40, partition=1)]
    assert loss(10, 20).sentence == (
        "tiny.events-0: offsets 10 to 19 (10) lost to retention before they were scored, accepted "
        "2026-11-28T05:00:00Z by ann@here (--accept-loss)"
    )
