"""One estimator for all systems, fitted on what the fold really gives."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bench.suite.load.sample_history import CUSTOMERS, EVENTS_EACH, sample_history
from bench.suite.load.workloads import WORKLOADS
from models.formats.artifact import load_artifact
from proofs.fitted_model import fitted

UNTIL_MS = 1_700_000_000_000


@pytest.mark.parametrize("workload", list(WORKLOADS))
def test_both_sides_score_alike_with_the_same_estimator(workload: str, tmp_path: Path) -> None:
    source = WORKLOADS[workload]
    scenario = source.declared()
    rows = sample_history(source, scenario, until_ms=UNTIL_MS).features[-4_000:]
    made = fitted(scenario, rows, tmp_path)
    champion = made.deployment.champion
    ours = load_artifact(
        Path(champion.artifact_uri),
        name=champion.name,
        version=champion.version,
        sha256=champion.sha256,
        available_features=scenario.feature_names,
    )
    theirs = joblib.load(made.file)
    assert tuple(theirs["features"]) == scenario.feature_names
    with threadpool_limits(limits=1):
        expected = theirs["estimator"].predict_proba(rows)[:, 1]
        assert ours.scores(rows).tolist() == expected.tolist()
    assert np.mean(expected >= 0.5) < 0.05


def test_a_sample_history_has_states_that_a_stream_can_read() -> None:
    scenario = WORKLOADS["stateless"].declared()
    history = sample_history(WORKLOADS["stateless"], scenario, until_ms=UNTIL_MS)
    states = scenario.codec.decode(scenario.codec.encode(history.states))
    assert len(states) == CUSTOMERS
    assert set(states.events.tolist()) == {EVENTS_EACH}
    assert states.last_stamp.max() < 1 << 44
