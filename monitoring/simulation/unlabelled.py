"""Cases on paper of which only the scores matter: no labels, actions, arms or slices."""

import numpy as np

from monitoring.cases import NOT_KNOWN_MS, Cases, Floats


def unlabelled(scores: Floats, *, made_ms: int) -> Cases:
    """Cases with `scores` (n,), all made at `made_ms` (UTC epoch ms), each of its own entity."""
    count = len(scores)
    zeros = np.zeros(count, dtype=np.int64)
    no = np.zeros(count, dtype=np.bool_)
    return Cases(
        entities=np.arange(count),
        made_ms=np.full(count, made_ms),
        scores=scores,
        labels=np.full(count, np.nan),
        known_ms=np.full(count, NOT_KNOWN_MS),
        versions=zeros,
        bands=zeros,
        actions=zeros,
        limits=np.zeros((count, 1)),
        is_control=no,
        propensity=np.ones(count),
        is_shown=no,
        is_accepted=no,
        action_cost=np.zeros(count),
        amounts=np.full(count, np.nan),
        slices={},
        version_names=("1",),
        band_names=("all",),
        action_names=("none",),
        slice_values={},
    )
