"""A stored model scores as the trained one, or says by name why it cannot."""

from pathlib import Path, PosixPath
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from lifecycle.gates.contract import batch_dependent_rows
from models.errors import ModelCorrupt, ModelMissing, ModelNeedsFeatures, ModelUntrusted
from models.formats.artifact import (
    CARD_FILE,
    folder_sha256,
    load_artifact,
    read_card,
    save_artifact,
)
from models.formats.skops import MODEL_FILE, check_trees, tree_explainer
from models.scoring_model import ScoringModel
from models.training.recipes import calibrated_trees
from tests.unit.models.trained import NAMES, StoredModel, card, data, estimator


def _loaded(stored: StoredModel, features: tuple[str, ...] = NAMES) -> ScoringModel:
    return load_artifact(
        stored.folder,
        name="everscore-churn",
        version="7",
        sha256=stored.sha256,
        available_features=features,
    )


def test_a_loaded_model_gives_the_trained_scores_to_the_bit(stored: StoredModel) -> None:
    features, _ = data()
    expected = estimator().predict_proba(features)[:, 1]
    assert np.array_equal(_loaded(stored).scores(features), expected)


def test_the_card_survives_the_trip(stored: StoredModel) -> None:
    assert read_card(stored.folder) == card()


def test_a_changed_file_is_refused_with_both_hashes(stored: StoredModel) -> None:
    path = stored.folder / MODEL_FILE
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelCorrupt, match=f"has SHA-256 .*deployed was {stored.sha256}"):
        _loaded(stored)


def test_a_changed_card_is_refused_too(stored: StoredModel) -> None:
    path = stored.folder / CARD_FILE
    path.write_bytes(path.read_bytes().replace(b'"calls"', b'"charge"'))
    with pytest.raises(ModelCorrupt):
        _loaded(stored)


@pytest.mark.parametrize("name", [MODEL_FILE, CARD_FILE])
def test_a_missing_file_is_named(stored: StoredModel, name: str) -> None:
    (stored.folder / name).unlink()
    with pytest.raises(ModelMissing, match=name):
        _loaded(stored)


def test_missing_features_are_named(stored: StoredModel) -> None:
    with pytest.raises(ModelNeedsFeatures, match=r"\['charge'\]"):
        _loaded(stored, ("tenure", "calls"))


def test_a_type_off_the_allow_list_is_not_stored(stored: StoredModel) -> None:
    with pytest.raises(ModelUntrusted, match="data"):
        save_artifact(stored.folder, FunctionTransformer(func=data), card())


def test_a_file_that_is_no_model_is_corrupt_even_with_the_right_hash(stored: StoredModel) -> None:
    sha256 = save_artifact(stored.folder, LogisticRegression(), card())
    (stored.folder / MODEL_FILE).write_bytes(b"not a zip")
    assert folder_sha256(stored.folder) != sha256
    with pytest.raises(ModelCorrupt, match="cannot read"):
        _loaded(StoredModel(stored.folder, folder_sha256(stored.folder)))


@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(7, random_state=1),
        DecisionTreeClassifier(max_depth=4, random_state=1),
        GradientBoostingClassifier(n_estimators=7, random_state=1),
        CalibratedClassifierCV(ExtraTreesClassifier(7, random_state=1), method="isotonic"),
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_classifiers_of_scikit_learn_are_stored_and_score_alike(
    tmp_path: Path, classifier: Any
) -> None:
    features, outcomes = data()
    features = np.nan_to_num(features)
    fitted = classifier.fit(features, outcomes)
    stored = StoredModel(tmp_path, save_artifact(tmp_path, fitted, card()))
    model = _loaded(stored)
    assert np.array_equal(model.scores(features), fitted.predict_proba(features)[:, 1])
    assert batch_dependent_rows(model, features) == 0
    shares = model.contributions(features[:50])
    if isinstance(classifier, RandomForestClassifier):  # in probability: they add up to the score
        assert shares is not None
        base = model.scores(features[:50]) - shares.sum(axis=1)
        assert np.ptp(base) < 1e-9
    assert shares is None or shares.shape == (50, len(NAMES))


def test_a_tree_that_points_outside_itself_is_refused() -> None:
    features, outcomes = data()
    forest = RandomForestClassifier(3, random_state=1).fit(np.nan_to_num(features), outcomes)
    check_trees(forest, file=Path("a.skops"))
    tree = forest.estimators_[1].tree_
    for name, value in (("left_child", 10_000), ("right_child", 0), ("feature", 99)):
        state = tree.__getstate__()
        before = state["nodes"].copy()
        state["nodes"][name][0] = value
        tree.__setstate__(state)
        with pytest.raises(ModelCorrupt, match=r"points? outside it|does not have"):
            check_trees(forest, file=Path("a.skops"))
        tree.__setstate__({**state, "nodes": before})


class SwappedAfterRead(PosixPath):
    """A folder whose files are another model's as soon as they have been read."""

    def read_bytes(self) -> bytes:
        content = super().read_bytes()
        other = PosixPath(self.parent.parent / "other" / self.name)
        self.write_bytes(other.read_bytes())
        return content


def test_the_bytes_that_were_hashed_are_the_bytes_that_are_loaded(stored: StoredModel) -> None:
    features, outcomes = data()
    expected = _loaded(stored).scores(features)
    other = calibrated_trees(3).fit(features, 1 - outcomes)
    save_artifact(stored.folder.parent / "other", other, card())
    swapped = StoredModel(SwappedAfterRead(stored.folder), stored.sha256)
    assert np.array_equal(_loaded(swapped).scores(features), expected)
    with pytest.raises(ModelCorrupt, match="deployed was"):
        _loaded(stored)


def test_an_estimator_that_tree_shap_does_not_know_scores_without_reasons(
    stored: StoredModel,
) -> None:
    features, outcomes = np.nan_to_num(data()[0]), data()[1]
    linear = LogisticRegression().fit(features, outcomes)
    assert tree_explainer(linear) is None
    model = _loaded(StoredModel(stored.folder, save_artifact(stored.folder, linear, card())))
    assert model.scores(features) == pytest.approx(linear.predict_proba(features)[:, 1])
    assert model.contributions(features) is None
