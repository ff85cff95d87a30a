"""Each kind of bad version is refused by the gate that should; a good one passes them all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from batch.training_sets.training_set import TrainingSet
from lifecycle.gates.contract import columns
from lifecycle.gates.evidence import HeldOut
from lifecycle.gates.quality import both_outcomes, slices, slices_of, spread
from models.card import ModelCard
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_life import (
    BOUNDS,
    MODE,
    NAMES,
    TEMPERATURE,
    LifeVersion,
    few_trees,
    life_rows,
    life_version,
)

Drawn = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]


@pytest.fixture(scope="module")
def rows() -> TrainingSet:
    return life_rows()


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, rows: TrainingSet) -> LifeVersion:
    return life_version(tmp_path_factory.mktemp("champion"), rows, version=1)


def test_a_good_version_passes_every_gate(champion: LifeVersion) -> None:
    gates = champion.gates()
    others = {name: gate.outcome for name, gate in gates.items() if gate.outcome != "passed"}
    assert others == {"no worse than the champion": "not applicable", "slice parts missing": (
        "not applicable"
    )}  # fmt: skip
    assert "too few to say" in gates["slice parts missing"].sentence
    assert {"slice mode = 0", "slice mode = 1", "slice mode = 2"} <= set(gates)
    assert {"slice parts below 5", "slice parts 5 to 10", "slice parts from 10"} <= set(gates)


def test_an_equal_version_is_no_worse_than_the_champion(
    tmp_path: Path, rows: TrainingSet, champion: LifeVersion
) -> None:
    equal = life_version(tmp_path, rows, version=2)
    gate = equal.gates(champion=champion)["no worse than the champion"]
    assert gate.outcome == "passed"
    assert "version 1 on the same 1,200 held-out rows" in gate.sentence


def test_a_worse_version_is_refused_by_the_comparison_with_the_champion_alone(
    tmp_path: Path, rows: TrainingSet, champion: LifeVersion
) -> None:
    def half_wrong(rows: TrainingSet) -> Drawn:
        """Labels of which a third says nothing."""
        train = ~rows.is_test
        outcomes = rows.outcomes[train].copy()
        random = np.random.default_rng(3)
        noisy = random.random(len(outcomes)) < 0.35
        outcomes[noisy] = random.permutation(outcomes[noisy])
        features = rows.features[train].copy()
        features[:, TEMPERATURE] += random.normal(0, 10, len(features))
        return features, outcomes

    worse = life_version(tmp_path, rows, version=2, trained_on=half_wrong)
    assert worse.failed(champion=champion) >= {"no worse than the champion"}
    assert worse.failed(champion=champion) <= {"no worse than the champion", "calibration"}
    assert "no worse than the champion" not in worse.failed()


def test_a_version_with_a_bad_slice_is_refused_by_the_floor_of_that_slice(
    tmp_path: Path, rows: TrainingSet
) -> None:
    def wrong_when_idle(rows: TrainingSet) -> Drawn:
        train = ~rows.is_test
        outcomes = rows.outcomes[train].copy()
        idle = rows.features[train][:, MODE] == 0
        outcomes[idle] = 1 - outcomes[idle]
        return rows.features[train], outcomes

    version = life_version(
        tmp_path, rows, version=2, trained_on=wrong_when_idle, estimator=few_trees(2, depth=4)
    )
    failed = version.failed()
    assert "slice mode = 0" in failed
    assert not failed & {"slice mode = 1", "slice mode = 2", "minimum AUROC"}


def test_a_leaky_version_is_too_good_to_be_true(tmp_path: Path, rows: TrainingSet) -> None:
    leaking = rows.features.copy()
    leaking[:, NAMES.index("temperature_max")] = 60.0 + 20.0 * rows.outcomes
    leaky_rows = replace(rows, features=leaking)
    assert life_version(tmp_path, leaky_rows, version=2).failed() == {"too good to be true"}


def test_a_constant_version_is_refused_because_its_score_does_not_vary(
    tmp_path: Path, rows: TrainingSet
) -> None:
    from sklearn.dummy import DummyClassifier

    constant = life_version(tmp_path, rows, version=2, estimator=DummyClassifier(strategy="prior"))
    assert constant.failed() >= {"score varies", "minimum AUROC", "minimum average precision"}


def test_a_score_that_differs_in_few_rows_only_counts_as_constant() -> None:
    scores = np.full(1_000, 0.3)
    scores[:5] = 0.9
    assert spread(scores, BOUNDS).outcome == "failed"
    assert spread(np.linspace(0.1, 0.4, 1_000), BOUNDS).outcome == "passed"


def test_the_recall_of_the_policy_is_a_gate_where_the_bounds_ask_for_it(
    champion: LifeVersion,
) -> None:
    assert "recall of the policy" not in champion.gates()
    asked = champion.gates(bounds=replace(BOUNDS, minimum_recall=0.2))["recall of the policy"]
    assert asked.outcome == "passed"
    assert champion.failed(bounds=replace(BOUNDS, minimum_recall=1.0)) == {"recall of the policy"}


def test_a_version_with_another_column_order_is_refused_with_both_lists(
    tmp_path: Path, rows: TrainingSet
) -> None:
    def reordered(card: ModelCard) -> ModelCard:
        first, second, *others = card.feature_names
        return replace(card, feature_names=(second, first, *others))

    version = life_version(tmp_path, rows, version=2, card=reordered)
    gates = version.gates()
    assert gates["columns"].outcome == "failed"
    assert "['mode', 'temperature_c'" in gates["columns"].sentence
    assert "['temperature_c', 'mode'" in gates["columns"].sentence


def test_a_version_with_some_of_the_columns_in_order_passes(champion: LifeVersion) -> None:
    card = replace(champion.side.card, feature_names=(NAMES[0], NAMES[3]))
    assert columns(card, SCENARIO).outcome == "passed"


def test_a_version_of_other_definitions_is_refused(tmp_path: Path, rows: TrainingSet) -> None:
    version = life_version(
        tmp_path, rows, version=2, card=lambda card: replace(card, definitions_digest="0" * 16)
    )
    assert version.failed() == {"definitions"}


def test_a_tampered_version_does_not_load(tmp_path: Path, rows: TrainingSet) -> None:
    version = life_version(tmp_path, rows, version=2)
    file = tmp_path / "everscore" / "model.skops"
    file.write_bytes(file.read_bytes()[:-1])
    gates = version.gates()
    assert gates["loads"].outcome == "failed"
    assert "SHA-256" in gates["loads"].sentence
    assert "minimum AUROC" not in gates


def test_other_scores_than_at_training_are_no_parity(tmp_path: Path, rows: TrainingSet) -> None:
    version = life_version(tmp_path, rows, version=2)
    assert version.gates()["parity"].value == "0"
    with np.load(tmp_path / "probe" / "probe.npz") as stored:
        features, scores = stored["features"], stored["scores"].copy()
    scores[7] += 1e-9
    np.savez_compressed(tmp_path / "probe" / "probe.npz", features=features, scores=scores)
    assert version.failed() == {"parity"}


def test_a_version_without_a_probe_set_is_refused(tmp_path: Path, rows: TrainingSet) -> None:
    version = life_version(tmp_path, rows, version=2)
    (tmp_path / "probe" / "probe.npz").unlink()
    assert version.failed() == {"parity"}
    assert version.gates()["latency"].outcome == "not applicable"


def test_a_slow_version_is_refused(champion: LifeVersion) -> None:
    bounds = replace(BOUNDS, maximum_latency_us=1e-6)
    assert champion.failed(bounds=bounds) == {"latency"}


def test_an_overconfident_version_is_refused_by_its_calibration(
    tmp_path: Path, rows: TrainingSet
) -> None:
    def rare(rows: TrainingSet) -> Drawn:
        """One in ten of the negatives: every score is too high."""
        train = np.flatnonzero(~rows.is_test)
        is_positive = rows.outcomes[train] == 1
        part = train[is_positive | (np.arange(len(train)) % 10 == 0)]
        return rows.features[part], rows.outcomes[part]

    failed = life_version(tmp_path, rows, version=2, trained_on=rare).failed()
    # Its reasons compare with the rows it was trained on, which are not those of the world.
    assert {"calibration"} <= failed <= {"calibration", "reasons agree"}


def test_held_out_rows_of_one_outcome_are_refused(tmp_path: Path, rows: TrainingSet) -> None:
    outcomes = np.where(rows.is_test, 0, rows.outcomes)
    one_class = replace(rows, outcomes=outcomes)
    version = life_version(tmp_path, rows, version=2, measured_on=one_class)
    gates = version.gates()
    assert version.failed() == {"both outcomes"}
    assert gates["both outcomes"].value == "0 of 1,200"
    assert gates["score varies"].outcome == "passed"


def test_rows_beyond_their_declared_ranges_are_refused(tmp_path: Path, rows: TrainingSet) -> None:
    features = rows.features.copy()
    features[3, MODE], features[4, TEMPERATURE] = 7.0, 4_000.0
    outside = replace(rows, features=features)
    gate = life_version(tmp_path, outside, version=2).gates()["training data"]
    assert gate.outcome == "failed"
    assert gate.value == "2 problems"
    assert "mode" in gate.sentence
    assert "temperature_c" in gate.sentence
    assert "4000" in gate.sentence


def test_reasons_that_say_the_opposite_are_refused(
    champion: LifeVersion, rows: TrainingSet
) -> None:
    from lifecycle.gates.contract import reasons
    from lifecycle.reading import ChampionRead, evidence_of

    evidence = evidence_of(champion.side, ChampionRead(), SCENARIO, cache_dir=Path("unused"))
    model = evidence.model
    assert model is not None
    assert model.explainer is not None

    class Opposite:
        def contributions(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            assert model is not None
            assert model.explainer is not None
            return -model.explainer.contributions(features)

    wrong = replace(evidence, model=replace(model, explainer=Opposite()))
    assert reasons(evidence, SCENARIO, BOUNDS).outcome == "passed"
    assert reasons(wrong, SCENARIO, BOUNDS).outcome == "failed"
    silent = replace(evidence, model=replace(model, explainer=None))
    assert reasons(silent, SCENARIO, BOUNDS).outcome == "not applicable"


def test_a_champion_that_cannot_be_compared_does_not_pass_in_silence(
    champion: LifeVersion, tmp_path: Path, rows: TrainingSet
) -> None:
    version = life_version(tmp_path / "new", rows, version=3)
    gone = life_version(tmp_path / "old", rows, version=2)
    (tmp_path / "old" / "everscore" / "model.skops").unlink()
    assert version.failed(champion=gone) == {"no worse than the champion"}


def test_a_slice_of_an_unknown_feature_or_of_too_many_values_is_refused(rows: TrainingSet) -> None:
    held_out = HeldOut(
        entities=rows.entities,
        outcomes=rows.outcomes,
        features=rows.features,
        scores=np.linspace(0.0, 1.0, len(rows.entities)),
        source="rows",
    )
    bounds = replace(BOUNDS, slices={"colour": (), "temperature_c": ()})
    unknown, many = slices(held_out, NAMES, bounds)
    assert (unknown.outcome, many.outcome) == ("failed", "failed")
    assert "no feature 'colour'" in unknown.sentence
    assert "declare the limits" in many.sentence


def test_bands_hold_each_row_once() -> None:
    values = np.array([0.0, 12.0, 47.9, 48.0, np.nan])
    parts = dict(slices_of(values, (12.0, 48.0)))
    assert list(parts) == ["below 12", "12 to 48", "from 48", "missing"]
    assert np.sum(list(parts.values()), axis=0).tolist() == [1] * 5


def test_four_positives_are_too_few_to_measure_anything() -> None:
    outcomes = np.array([1, 1, 1, 1] + [0] * 50)
    held_out = HeldOut(
        entities=[f"{number}" for number in range(54)],
        outcomes=outcomes,
        features=np.zeros((54, 1)),
        scores=np.zeros(54),
        source="rows",
    )
    assert both_outcomes(held_out).outcome == "failed"
