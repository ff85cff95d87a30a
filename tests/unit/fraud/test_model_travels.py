"""The fraud model can be stored, loaded by its hash, scored row by row, and explained."""

from pathlib import Path

import numpy as np

from models.card import ModelCard
from models.formats.artifact import load_artifact, save_artifact
from scenarios.fraud.scenario import SCENARIO

NAMES = SCENARIO.feature_names


def test_a_stored_model_scores_alike_in_any_batch_and_tells_its_reasons(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(1_500, len(NAMES)))
    features[::7, 4] = np.nan
    outcomes = (features[:, 0] + rng.normal(0, 0.3, 1_500) > 2).astype(np.int64)
    estimator = SCENARIO.estimator(3).fit(features, outcomes)
    card = ModelCard(
        scenario="fraud",
        feature_names=NAMES,
        definitions_digest=SCENARIO.definitions_digest,
        seed=3,
        training_counts={},
        metrics={},
        thresholds=SCENARIO.policy.thresholds(),
        base_rate=float(outcomes.mean()),
        created_at="2026-11-21T00:00:00+00:00",
        snapshot=None,
        git_commit="0" * 40,
        parameters={},
    )
    sha256 = save_artifact(tmp_path, estimator, card)
    model = load_artifact(
        tmp_path, name="fraud", version="1", sha256=sha256, available_features=NAMES
    )
    together = model.scores(features)
    assert together.tolist() == estimator.predict_proba(features)[:, 1].tolist()
    alone = [float(model.scores(features[row : row + 1])[0]) for row in range(20)]
    assert alone == together[:20].tolist()
    shares = model.contributions(features[together > 0.5])
    assert shares is not None
    assert (np.abs(shares).argmax(axis=1) == 0).all()
