"""A model is trained and tested on the protocol's rows only."""

from datetime import date

import numpy as np
import pytest

from batch.training.protocol import Protocol
from batch.training.protocol_report import bands_table, measures_table
from batch.training.protocol_run import Candidate, Round, candidates, round_of, split_of
from batch.training.tune import Fold, Trial, TuningSet, search_best
from batch.training.tuned_thresholds import tuned_thresholds
from features.fold.history import HistoryColumns
from models.evaluation.cost_thresholds import Costs
from models.evaluation.metrics import OneClassOnly
from models.training.recipes import TreeParameters, boosted_trees, calibrated_trees
from models.training.search_space import Choice, Range, Search
from scenarios.fraud.columns import HANDBOOK_FEATURES
from scenarios.fraud.scenario import SCENARIO
from scenarios.simulation.labelled_history import LabelledHistory

DAYS, PER_DAY = 28, 60
TEST_START = date(2018, 4, 22)
START_MS = 1_522_540_800_000  # 2018-04-01
DAY_MS = 86_400_000
RNG = np.random.default_rng(7)
COUNT = DAYS * PER_DAY
OUTCOMES = (RNG.random(COUNT) < 0.1).astype(np.int64)
FEATURES = np.column_stack([OUTCOMES + RNG.normal(0, 0.3, COUNT), RNG.normal(0, 1, COUNT)])
HISTORY = LabelledHistory(
    events=HistoryColumns(
        entity_codes=np.arange(COUNT, dtype=np.int64),
        type_codes=np.zeros(COUNT, dtype=np.int64),
        times_ms=START_MS + np.repeat(np.arange(DAYS), PER_DAY) * DAY_MS,
        values=np.zeros((COUNT, 1)),
    ),
    outcomes=OUTCOMES,
    second={},
    reference_features=HANDBOOK_FEATURES,
)
SMALL = TreeParameters(trees=20, rows_per_leaf=10)


def _tested(features: np.ndarray, columns: tuple[int, ...] = (0, 1)) -> Round:
    candidate = Candidate(
        name="trees",
        untrained=lambda: calibrated_trees(1, parameters=SMALL),
        columns=columns,
    )
    return round_of(candidate, HISTORY, features, test_start=TEST_START, protocol=Protocol())


def test_a_telling_feature_ranks_well_and_a_useless_one_does_not() -> None:
    telling, useless = _tested(FEATURES, (0,)), _tested(FEATURES, (1,))
    assert telling.auroc > 0.9
    assert telling.average_precision > 2 * useless.average_precision
    assert telling.brier < 0.07
    assert telling.expected_calibration_error < 0.08


def test_rows_outside_the_training_week_teach_nothing() -> None:
    expected = _tested(FEATURES).scores
    changed = FEATURES.copy()
    split = _tested(FEATURES).split
    changed[~split.train & ~split.test] = 99.0
    assert _tested(changed).scores.tolist() == expected.tolist()


def test_a_period_without_a_fraud_is_refused() -> None:
    history = LabelledHistory(
        events=HISTORY.events, outcomes=OUTCOMES * 0, second={}, reference_features=()
    )
    candidate = Candidate(name="none", untrained=lambda: None, columns=(0,))
    with pytest.raises(OneClassOnly):
        round_of(candidate, history, FEATURES, test_start=TEST_START, protocol=Protocol())


def test_the_references_come_with_the_handbooks_features_and_the_scenario_with_all() -> None:
    models = candidates(SCENARIO, HISTORY, seed=1)
    assert [model.name for model in models] == ["logistic regression", "random forest", "fraud"]
    assert [len(model.columns) for model in models] == [15, 15, len(SCENARIO.feature_names)]


def test_references_fill_missing_features_with_zero() -> None:
    features = np.full((COUNT, len(SCENARIO.feature_names)), np.nan)
    features[:, 0] = FEATURES[:, 0]
    for reference in candidates(SCENARIO, HISTORY, seed=1)[:2]:
        tested = round_of(reference, HISTORY, features, test_start=TEST_START, protocol=Protocol())
        assert tested.auroc > 0.8


def test_reports_have_a_line_per_test_and_per_band() -> None:
    rounds = [_tested(FEATURES)]
    assert measures_table(rounds).row_count == 2
    bands = bands_table(rounds, HISTORY, SCENARIO.policy, Protocol())
    assert bands.row_count == 3
    cells = {str(column.header): list(column.cells) for column in bands.columns}
    # Every row is another card, so a day has as many cards as payments: 60 in all.
    assert cells["cards"] == cells["payments"]
    assert sum(float(str(cell)) for cell in cells["cards"]) == pytest.approx(60, abs=0.2)


def _search() -> Search:
    def parameters(choice: Choice) -> TreeParameters:
        return TreeParameters(trees=round(choice["trees"]), rows_per_leaf=10)

    return Search(
        ranges={"trees": Range(low=1, high=30, is_whole=True)},
        first={"trees": 2.0},
        ranker=lambda choice, seed: boosted_trees(seed, parameters=parameters(choice)),
        estimator=lambda choice, seed: calibrated_trees(seed, parameters=parameters(choice)),
        constants=str,
        costs=Costs(missed_usd=100, false_alarm_usd=20, review_usd=5, cards_per_day=3),
    )


def _tuning_set() -> TuningSet:
    rows = split_of(HISTORY, test_start=TEST_START, protocol=Protocol())
    return TuningSet(HISTORY, FEATURES, [Fold(TEST_START, rows)])


def test_a_search_begins_with_what_is_in_use_and_gives_the_best_trial() -> None:
    trials: list[Trial] = []
    best = search_best(_search(), _tuning_set(), trials=6, seed=1, on_trial=trials.append)
    assert trials[0].choice == {"trees": 2.0}
    assert len(trials) == 6
    assert best.mean == max(trial.mean for trial in trials)
    again = search_best(_search(), _tuning_set(), trials=6, seed=1, on_trial=lambda trial: None)
    assert again.choice == best.choice


def test_thresholds_of_a_search_fit_the_team_and_beat_allowing_everything() -> None:
    tuned = tuned_thresholds(_search(), _tuning_set(), {"trees": 20.0}, seed=1)
    assert tuned.thresholds.cards_reviewed_per_day <= 3
    assert tuned.usd_per_day < tuned.usd_per_day_without
