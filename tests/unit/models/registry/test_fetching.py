"""A model folder is found by path or URI."""

from pathlib import Path

import pytest

from models.errors import ModelMissing
from models.registry.fetching import fetch_artifact, local_path


def test_a_path_and_a_file_uri_are_used_in_place(tmp_path: Path) -> None:
    folder = tmp_path / "a model"
    folder.mkdir()
    cache = tmp_path / "cache"
    assert fetch_artifact(str(folder), cache) == folder
    assert fetch_artifact(folder.as_uri(), cache) == folder
    assert not cache.exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="gone"):
        fetch_artifact(str(tmp_path / "gone"), tmp_path)


def test_other_schemes_are_not_local() -> None:
    assert local_path("s3://bucket/model") is None
    assert local_path("runs:/1/everscore") is None
