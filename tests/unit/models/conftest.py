"""A stored model, as a deployment would find it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from models.formats.artifact import save_artifact
from tests.unit.models.trained import StoredModel, card, estimator


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Trees on two busy cores are twenty times slower with two threads."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture
def stored(tmp_path: Path) -> StoredModel:
    """A fresh copy of the model files."""
    folder = tmp_path / "model"
    return StoredModel(folder, save_artifact(folder, estimator(), card()))
