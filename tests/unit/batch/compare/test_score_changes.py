"""Two judgements of the same cases, compared."""

from collections.abc import Sequence

import numpy as np

from batch.compare.score_changes import (
    Judged,
    band_changes,
    metric_changes,
    metrics_on_same_cases,
)

BANDS = {"low": 0.0, "high": 0.5}


def _judged(scores: Sequence[float], **thresholds: float) -> Judged:
    return Judged(scores=np.array(scores), thresholds=thresholds or BANDS, decision_threshold=0.5)


def test_each_model_decides_by_its_own_thresholds() -> None:
    old = _judged([0.1, 0.4, 0.6])
    new = _judged([0.1, 0.4, 0.6], high=0.3, low=0.0)
    outcomes = np.array([0, 1, 1], dtype=np.int64)
    changes = band_changes(old, new, entities=["a", "b", "c"], outcomes=outcomes)
    assert changes.matrix == ((1, 1), (0, 1))
    assert (changes.flipped, changes.flipped_share) == (1, 1 / 3)
    assert changes.largest_score_change == 0.0


def test_a_score_that_equals_a_limit_lies_in_the_upper_band() -> None:
    assert _judged([0.5]).codes.tolist() == [1]


def test_the_cases_that_moved_most_come_first() -> None:
    old, new = _judged([0.1, 0.2, 0.9]), _judged([0.2, 0.7, 0.9])
    outcomes = np.array([0, 1, 1], dtype=np.int64)
    changes = band_changes(old, new, entities=["a", "b", "c"], outcomes=outcomes)
    first = changes.movers[0]
    assert (first.entity, first.old_band, first.new_band) == ("b", "low", "high")
    assert [mover.entity for mover in changes.movers] == ["b", "a"]
    assert np.isclose(changes.mean_score_change, 0.2)


def test_bands_may_have_other_names() -> None:
    outcomes = np.array([1], dtype=np.int64)
    changes = band_changes(
        _judged([0.9]), _judged([0.9], cold=0.0, hot=0.8), entities=["a"], outcomes=outcomes
    )
    assert (changes.old_bands, changes.new_bands) == (("low", "high"), ("cold", "hot"))
    assert changes.flipped == 1


def test_measures_are_set_side_by_side_with_their_difference() -> None:
    both, added, gone = metric_changes({"auroc": 0.5, "old": 1.0}, {"auroc": 0.75, "new": 2.0})
    assert (both.name, both.difference) == ("auroc", 0.25)
    assert (added.name, added.old, added.difference) == ("new", None, None)
    assert (gone.name, gone.new) == ("old", None)


def test_outcomes_that_are_all_alike_give_no_measures() -> None:
    judged = _judged([0.1, 0.9])
    assert metrics_on_same_cases(judged, judged, np.array([1, 1], dtype=np.int64)) == ()
    mixed = metrics_on_same_cases(judged, judged, np.array([0, 1], dtype=np.int64))
    assert {change.name: change.difference for change in mixed}["auroc"] == 0.0
