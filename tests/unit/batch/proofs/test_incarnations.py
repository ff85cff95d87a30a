"""Epochs lead to the incarnation of the topic that they belong to."""

import pytest

from batch.proofs.recompute.incarnations import EpochUnknown, Incarnations


def test_an_epoch_without_events_lies_in_the_topic_of_the_one_before() -> None:
    incarnations = Incarnations({1: "a", 2: "a", 5: "b"})
    topic_ids = [incarnations.topic_id(epoch) for epoch in (1, 2, 3, 4, 5, 9)]
    assert topic_ids == ["a", "a", "a", "a", "b", "b"]


def test_an_epoch_below_all_events_is_not_known() -> None:
    with pytest.raises(EpochUnknown, match=r"epoch 1 or below, it has those of \[2\]"):
        Incarnations({2: "a"}).require(1)
