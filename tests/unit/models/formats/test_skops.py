"""A stored model scores as the trained one, or says by name why it cannot."""

from pathlib import PosixPath

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from models.errors import ModelCorrupt, ModelMissing, ModelNeedsFeatures, ModelUntrusted
from models.formats.artifact import (
    CARD_FILE,
    folder_sha256,
    load_artifact,
    read_card,
    save_artifact,
)
from models.formats.skops import MODEL_FILE, tree_explainer
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
