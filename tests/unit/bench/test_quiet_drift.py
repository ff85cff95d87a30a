"""The weeks on paper hold what their design says, and the alarms of each kind are counted."""

import numpy as np

from bench.quiet_drift import Design, alarm_shares, week
from monitoring.drift.options import DriftOptions

OPTIONS = DriftOptions(categories=frozenset({"contract"}), resamples=300)


def test_large_shifts_and_faults_are_counted_apart() -> None:
    notes: list[str] = []
    shifted = alarm_shares(
        Design(name="shifted", wander=0.0, shift=1.0), 1, 400, OPTIONS, progress=notes.append
    )
    assert (shifted.any_alarm, shifted.harm, shifted.weeks) == (1.0, 0.0, 4)
    broken = alarm_shares(
        Design(name="broken", wander=0.0, broken=True), 1, 400, OPTIONS, progress=notes.append
    )
    assert (broken.any_alarm, broken.harm) == (1.0, 1.0)
    assert notes == ["shifted: 1 of 1 histories", "broken: 1 of 1 histories"]


def test_a_week_depends_on_its_seed_and_number_only() -> None:
    design = Design(name="quiet", wander=0.1)
    first, second, other = (week(seed, 3, 50, design).features for seed in (1, 1, 2))
    assert np.array_equal(first, second, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)
