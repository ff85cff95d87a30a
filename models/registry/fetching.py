"""The folder of a model version on this machine, wherever its artefact lies."""

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlparse

from models.errors import ModelCorrupt, ModelMissing
from models.formats.artifact import load_artifact
from models.registry.mlflow_calls import quiet_mlflow
from models.scoring_model import ScoringModel


def load_fetched(
    artifact_uri: str,
    cache_dir: Path,
    *,
    name: str,
    version: str,
    sha256: str,
    available_features: Sequence[str],
) -> ScoringModel:
    """The model at `artifact_uri`, see `load_artifact`; a damaged copy of it is fetched again.

    Raises what `fetch_artifact` and `load_artifact` raise.
    """

    def load() -> ScoringModel:
        return load_artifact(
            fetch_artifact(artifact_uri, cache_dir),
            name=name,
            version=version,
            sha256=sha256,
            available_features=available_features,
        )

    is_copy = local_path(artifact_uri) is None and _copy_of(artifact_uri, cache_dir).exists()
    try:
        return load()
    except (ModelCorrupt, ModelMissing):
        if not is_copy:
            raise
        # A disk may damage a copy; the version itself may still be as it was deployed.
        shutil.rmtree(_copy_of(artifact_uri, cache_dir), ignore_errors=True)
        return load()


def fetch_artifact(artifact_uri: str, cache_dir: Path) -> Path:
    """A local folder with the files of `artifact_uri`.

    A path or a file: URI is used where it is (no copy); anything else is downloaded once into
    `cache_dir` by MLflow, which is imported only then. Safe for several processes at once.
    Raises `ModelMissing`.
    """
    local = local_path(artifact_uri)
    if local is not None:
        if not local.is_dir():
            raise ModelMissing(f"there is no model folder {local} (artefact URI {artifact_uri})")
        return local
    cached = _copy_of(artifact_uri, cache_dir)
    if not cached.is_dir():
        _download(artifact_uri, cached)
    return cached


def local_path(artifact_uri: str) -> Path | None:
    """The path that a plain path or a file: URI means; None for any other scheme."""
    parsed = urlparse(artifact_uri)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return Path(artifact_uri) if parsed.scheme == "" else None


def _copy_of(artifact_uri: str, cache_dir: Path) -> Path:
    return cache_dir / hashlib.sha256(artifact_uri.encode()).hexdigest()[:32]


def _download(artifact_uri: str, target: Path) -> None:
    import mlflow.artifacts  # 2 s, and workers with a shared folder never need it

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        try:
            with quiet_mlflow():
                downloaded_path = mlflow.artifacts.download_artifacts(
                    artifact_uri, dst_path=scratch
                )
        except Exception as error:  # each store of MLflow raises its own
            raise ModelMissing(f"cannot download {artifact_uri}: {error}") from error
        try:
            Path(downloaded_path).replace(target)
        except OSError:
            if not target.is_dir():  # otherwise another process was first
                raise
