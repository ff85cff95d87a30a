"""Temperatures and novelty recover what made-up data were made with."""

import numpy as np
import pytest

from scenarios.xray.network.calibration import fitted_novelty, fitted_temperature


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    generator = np.random.default_rng(1)
    true_logits = generator.normal(0, 2, 20_000)
    is_positive = generator.random(20_000) < 1 / (1 + np.exp(-true_logits))
    assert fitted_temperature(3 * true_logits, is_positive) == pytest.approx(3, rel=0.05)


def test_one_in_a_thousand_of_the_calibration_rows_is_beyond_1() -> None:
    generator = np.random.default_rng(1)
    types = np.arange(3000) % 3
    embeddings = generator.normal(size=(3000, 32)) + 5 * types[:, np.newaxis]
    calibration = generator.normal(size=(4000, 32)) + 5 * (np.arange(4000) % 3)[:, np.newaxis]
    novelty = fitted_novelty(embeddings, types, calibration=calibration)
    assert (novelty.values(calibration) > 1).sum() == 4
    assert novelty.values(np.full((1, 32), 40.0))[0] > 10


def test_novelty_is_the_distance_to_the_nearest_class() -> None:
    generator = np.random.default_rng(1)
    types = np.arange(600) % 3
    embeddings = generator.normal(size=(600, 32)) * 0.1 + types[:, np.newaxis]
    novelty = fitted_novelty(embeddings, types, calibration=embeddings)
    means = np.stack([embeddings[types == kind].mean(axis=0) for kind in range(3)])
    assert novelty.values(means) == pytest.approx(0, abs=1e-9)
