"""What cannot be judged is named with its cause; everything else is judged as without it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from features.definitions import LastValue
from models.formats.skops import EstimatorScores, tree_explainer
from models.scoring_model import ScoringModel, scoring_model
from models.training.recipes import TreeParameters, calibrated_trees
from scenarios.contract.judge import Judge, Judges, Verdicts
from scenarios.contract.policy import PolicyError
from scenarios.contract.scenario import Scenario
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import (
    bare_card,
    fails,
    fragile_estimator,
    is_fragile,
    one_thread,
    tiny_rows,
)

THRESHOLDS = SCENARIO.policy.thresholds()
ENTITIES = [f"machine {number}" for number in range(300)]


def model_with(estimator: object, *, version: str = "1") -> ScoringModel:
    return scoring_model(
        EstimatorScores(estimator),
        tree_explainer(estimator),
        name="everscore-tiny",
        version=version,
        card=bare_card(),
        available_features=SCENARIO.feature_names,
    )


@pytest.fixture(scope="module", autouse=True)
def single_thread() -> Iterator[None]:
    """See `one_thread`."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def sound() -> ScoringModel:
    rows = tiny_rows(400)
    trees = calibrated_trees(1, parameters=TreeParameters(trees=20, rows_per_leaf=10))
    return model_with(trees.fit(rows, fails(rows)))


def verdicts(
    features: npt.NDArray[np.float64],
    model: ScoringModel,
    *,
    challenger: ScoringModel | None = None,
    share: float = 0.0,
    scenario: Scenario = SCENARIO,
) -> Verdicts:
    judges = Judges(
        champion=model, thresholds=THRESHOLDS, challenger=challenger, challenger_share=share
    )
    return Judge(scenario).verdicts(ENTITIES[: len(features)], features, judges)


def check_same(result: Verdicts, expected: Verdicts, rows: npt.NDArray[np.int64]) -> None:
    """`result` holds exactly `rows`, with the verdicts of `expected`, which judged them alone."""
    assert result.rows.tolist() == rows.tolist()
    assert result.scores.tobytes() == expected.scores.tobytes()
    for name in ("bands", "actions", "review"):
        values, expected_values = getattr(result.decisions, name), getattr(expected.decisions, name)
        assert values.tolist() == expected_values.tolist()
    assert result.control.tolist() == expected.control.tolist()
    assert result.reasons == expected.reasons
    assert len(result.reasons) > 3


@pytest.mark.parametrize(
    ("out_of_bounds", "cause"),
    [
        ("raise", "cannot score it: ValueError: A value "),
        ("nan", "gives score nan, expected one from 0 to 1"),
    ],
)
def test_a_row_that_the_model_cannot_score_costs_its_neighbours_nothing(
    out_of_bounds: str, cause: str
) -> None:
    estimator = fragile_estimator(out_of_bounds)
    model, features = model_with(estimator), tiny_rows(300, seed=3)
    is_bad = is_fragile(estimator, features)
    assert 3 < is_bad.sum() < 100
    result = verdicts(features, model)
    assert [case.row for case in result.unscorable] == np.flatnonzero(is_bad).tolist()
    for case in result.unscorable:
        assert case.cause.startswith("model everscore-tiny version 1 ")
        assert cause in case.cause
    good = np.flatnonzero(~is_bad)
    judges = Judges(champion=model, thresholds=THRESHOLDS)
    alone = Judge(SCENARIO).verdicts([ENTITIES[r] for r in good], features[good], judges)
    check_same(result, alone, good)


def test_a_score_out_of_range_is_no_score(sound: ScoringModel) -> None:
    class Shifted:
        """The sound model's scores, moved: some lie beyond 0 or 1."""

        def __init__(self, shift: float) -> None:
            self._shift = shift

        def scores(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            return sound.predictor.scores(features) + self._shift

    features = tiny_rows(50, seed=3)
    scores = sound.scores(features)
    for shift, is_right in ((0.5, scores <= 0.5), (-0.5, scores >= 0.5), (np.inf, scores > 9)):
        result = verdicts(features, replace(sound, predictor=Shifted(shift)))
        assert result.rows.tolist() == np.flatnonzero(is_right).tolist()
        assert len(result.rows) + len(result.unscorable) == 50


def test_an_infinite_feature_cannot_be_logged_and_is_named(sound: ScoringModel) -> None:
    features = tiny_rows(20, seed=3)
    features[4, 6], features[9, 0] = np.inf, -np.inf
    result = verdicts(features, sound)
    causes = {case.row: case.cause for case in result.unscorable}
    assert causes == {
        4: "feature heat is inf, expected a finite number",
        9: "feature temperature_c is -inf, expected a finite number",
    }


def test_words_that_do_not_fit_a_value_cost_that_row_alone(sound: ScoringModel) -> None:
    def worded(feature: object) -> object:
        if isinstance(feature, LastValue) and feature.name == "mode":
            return replace(feature, words="runs {value:.1f}")  # a number's format for a text
        return feature

    features = tuple(worded(feature) for feature in SCENARIO.features)
    scenario = replace(SCENARIO, features=features)  # type: ignore[arg-type]
    rows = tiny_rows(300, seed=3)
    reasons_by_row = Judge(SCENARIO).reasons(sound, rows)
    tells_mode = np.array(
        [any(reason.code == "mode" for reason in reasons) for reasons in reasons_by_row]
    )
    expected = verdicts(rows, sound)
    is_bad = tells_mode & np.isin(np.arange(300), list(expected.reasons))
    result = verdicts(rows, sound, scenario=scenario)
    assert [case.row for case in result.unscorable] == np.flatnonzero(is_bad).tolist()
    assert is_bad.sum() > 0
    assert all("cannot explain its score: ValueError" in case.cause for case in result.unscorable)
    assert len(result.rows) == 300 - is_bad.sum()


def test_what_the_challenger_cannot_judge_the_champion_does(sound: ScoringModel) -> None:
    estimator, features = fragile_estimator("raise"), tiny_rows(300, seed=3)
    challenger, is_bad = model_with(estimator, version="2"), is_fragile(estimator, features)
    result = verdicts(features, sound, challenger=challenger, share=0.5)
    in_share = verdicts(features, sound, challenger=replace(sound, version="2"), share=0.5)
    assert result.unscorable == []
    assert (
        sorted(case.row for case in result.fallbacks)
        == np.flatnonzero(is_bad & in_share.challenged).tolist()
    )
    assert len(result.fallbacks) > 0
    assert result.challenged.tolist() == (in_share.challenged & ~is_bad).tolist()
    champions = verdicts(features, sound)
    by_champion = ~result.challenged
    assert result.scores[by_champion].tolist() == champions.scores[by_champion].tolist()


def test_scores_alone_are_nan_where_there_is_none() -> None:
    estimator, features = fragile_estimator("raise"), tiny_rows(300, seed=3)
    scores, failures = Judge(SCENARIO).scores(features, model_with(estimator))
    is_bad = is_fragile(estimator, features)
    assert np.isnan(scores).tolist() == is_bad.tolist()
    assert len(failures) == is_bad.sum()


@pytest.mark.parametrize(
    "thresholds",
    [
        {"ok": 0.0},
        {"ok": 0.0, "hot": 0.0},
        {"ok": 0.1, "hot": 0.5},
        {"ok": 0.0, "hot": float("nan")},
        {"ok": 0.0, "hot": float("inf")},
        {"ok": 0.0, "hot": -0.5},
        {"ok": 0.0, "hot": 0.5, "glowing": 0.9},
        {},
    ],
)
def test_thresholds_that_leave_a_case_open_are_refused(thresholds: dict[str, float]) -> None:
    with pytest.raises(PolicyError, match=r"expected one of each of the bands \['ok', 'hot'\]"):
        SCENARIO.policy.check_thresholds(thresholds)
