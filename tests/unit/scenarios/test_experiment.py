"""Arms stay with entities, experiments are independent, shadows choose events by position."""

import random

import numpy as np
import pytest

from scenarios.contract.experiment import arms, propensity_of, salt_of, shadowed

ENTITIES = [f"customer {number}" for number in range(40_000)]


def in_challenger(
    experiment: str, *, share: float = 0.2
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return arms(ENTITIES, scenario="tiny", experiment=experiment, share=share).in_challenger


def test_no_entity_changes_its_arm_with_batches_partitions_or_order() -> None:
    """What a restart, a rebalance and another number of partitions change is who is beside whom."""
    whole = dict(zip(ENTITIES, in_challenger("e1").tolist(), strict=True))
    for partitions in (1, 2, 7, 16):
        batches: list[list[str]] = [[] for _ in range(partitions)]
        shuffled = random.Random(partitions).sample(ENTITIES, len(ENTITIES))
        for entity in shuffled:
            batches[hash(entity) % partitions].append(entity)
        changed = 0
        for batch in batches:
            again = arms(batch, scenario="tiny", experiment="e1", share=0.2).in_challenger
            changed += sum(
                whole[name] != arm for name, arm in zip(batch, again.tolist(), strict=True)
            )
        assert changed == 0


def test_a_larger_share_keeps_those_who_were_in_the_arm() -> None:
    assert not (in_challenger("e1", share=0.1) & ~in_challenger("e1", share=0.3)).any()


@pytest.mark.parametrize(
    ("one", "other"),
    [("e1", "e2"), ("x" * 80 + "1", "x" * 80 + "2"), ("2026-11", "2026-12")],
)
def test_two_experiments_overlap_as_by_chance(one: str, other: str) -> None:
    """Pearson's chi-square of the two-by-two table; 10.83 is passed once in 1,000 by chance."""
    first, second = in_challenger(one), in_challenger(other)
    table = np.array([[(a & b).sum() for b in (second, ~second)] for a in (first, ~first)])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    assert float(((table - expected) ** 2 / expected).sum()) < 10.83
    assert abs(first.mean() - 0.2) < 0.01


def test_both_versions_score_the_challengers_arm_and_as_many_of_the_champions() -> None:
    both = arms(ENTITIES, scenario="tiny", experiment="e1", share=0.1)
    assert both.is_paired[both.in_challenger].all()
    assert abs(both.is_paired.mean() - 0.2) < 0.01
    most = arms(ENTITIES, scenario="tiny", experiment="e1", share=0.8)
    assert most.is_paired.all()


def test_propensities_add_up() -> None:
    assert propensity_of(in_challenger=True, share=0.1) == 0.1
    assert propensity_of(in_challenger=False, share=0.1) == 0.9


def test_salts_have_one_length() -> None:
    assert len({len(salt_of("tiny", name)) for name in ("", "e", "e" * 500)}) == 1


def test_the_shadows_events_are_a_share_that_batches_do_not_change() -> None:
    offsets = np.arange(10**11, 10**11 + 50_000)
    options = {"epoch": 3, "partition": 1}
    whole = shadowed(offsets, experiment="e1", share=0.1, **options)
    parts = [
        shadowed(part, experiment="e1", share=0.1, **options) for part in np.array_split(offsets, 9)
    ]
    assert np.array_equal(whole, np.concatenate(parts))
    assert abs(whole.mean() - 0.1) < 0.006
    another = shadowed(offsets, experiment="e2", share=0.1, **options)
    assert abs((whole & another).mean() - 0.01) < 0.003
    assert not shadowed(offsets, experiment="e1", share=0.0, **options).any()
    assert shadowed(offsets, experiment="e1", share=1.0, **options).all()
