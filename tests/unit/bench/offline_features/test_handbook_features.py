"""The peer's features and ours agree where both define them."""

import numpy as np

from batch.training_sets.history_features import history_features
from bench.offline_features.handbook_features import (
    as_matrix,
    handbook_features,
    payments_frame,
    with_handbook_features,
)
from scenarios.fraud.columns import HANDBOOK_FEATURES, labelled_history
from tests.unit.fraud.few_payments import LINES, payments_of


def test_pandas_and_the_fold_agree_also_on_payments_of_one_moment() -> None:
    twice = tuple(line for line in LINES for _ in range(2))
    payments = payments_of(twice)
    reduced = with_handbook_features()
    assert set(reduced.feature_names) == set(HANDBOOK_FEATURES)
    ours = history_features(reduced, labelled_history(payments))
    peer = as_matrix(handbook_features(payments_frame(payments)), reduced.feature_names)
    np.testing.assert_allclose(np.nan_to_num(ours, nan=0.0), peer, rtol=0, atol=1e-9)
    shares = ours[:, reduced.feature_names.index("terminal_fraud_share_7d")]
    assert np.nanmax(shares) > 0
