"""A model version as a folder of two files, safe to load: model.skops and card.json."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from models.card import ModelCard
from models.errors import ModelCorrupt, ModelMissing, ModelUntrusted
from models.scoring_model import ScoringModel, scoring_model

MODEL_FILE, CARD_FILE = "model.skops", "card.json"

# Beyond skops' own defaults; fixed here, so that a file can never bring code of its own.
TRUSTED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)


def save_artifact(folder: Path, estimator: Any, card: ModelCard) -> str:
    """Write both files into `folder` (created when missing) and return their `folder_sha256`.

    Raises `ModelUntrusted` when the file could not be loaded again.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(estimator, folder / MODEL_FILE)
    _refuse_untrusted(_Files(folder, b"", _bytes(folder / MODEL_FILE)))
    card_json = msgspec.json.format(msgspec.json.encode(card), indent=2)
    (folder / CARD_FILE).write_bytes(card_json + b"\n")
    return folder_sha256(folder)


def load_artifact(
    folder: Path, *, name: str, version: str, sha256: str, available_features: Sequence[str]
) -> ScoringModel:
    """The model in `folder`, ready to score matrices with the columns `available_features`.

    Both files are read once: the bytes that agree with `sha256` are the bytes that are loaded,
    whatever happens to the files meanwhile. Raises `ModelMissing`, `ModelCorrupt` (another hash
    than `sha256`, or unreadable), `ModelUntrusted` or `ModelNeedsFeatures`; nothing is unpacked
    before the hash agrees.
    """
    files = _read(folder)
    if files.sha256 != sha256:
        raise ModelCorrupt(
            f"model {name} version {version} in {folder} has SHA-256 {files.sha256}, "
            f"deployed was {sha256}: restore the files or deploy another version"
        )
    card = _card(files)
    _refuse_untrusted(files)
    return scoring_model(
        _estimator(files),
        name=name,
        version=version,
        card=card,
        available_features=available_features,
    )


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`; raises `ModelMissing` or `ModelCorrupt`."""
    return _card(_Files(folder, _bytes(folder / CARD_FILE), b""))


def folder_sha256(folder: Path) -> str:
    """SHA-256 over names, lengths and bytes of both files; raises `ModelMissing`."""
    return _read(folder).sha256


@dataclass(frozen=True)
class _Files:
    """The two files of a folder, in memory."""

    folder: Path
    card: bytes
    model: bytes

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for name, content in ((CARD_FILE, self.card), (MODEL_FILE, self.model)):
            digest.update(f"{name}:{len(content)}:".encode())
            digest.update(content)
        return digest.hexdigest()

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL_FILE


def _read(folder: Path) -> _Files:
    return _Files(folder, _bytes(folder / CARD_FILE), _bytes(folder / MODEL_FILE))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelMissing(f"cannot read model file {path}: {error.strerror}") from error


def _card(files: _Files) -> ModelCard:
    try:
        return msgspec.json.decode(files.card, type=ModelCard)
    except msgspec.MsgspecError as error:
        raise ModelCorrupt(f"{files.folder / CARD_FILE} is not a model card: {error}") from error


def _estimator(files: _Files) -> Any:
    import skops.io

    try:
        with warnings.catch_warnings():
            # Another scikit-learn than the one that trained would silently give other scores.
            warnings.simplefilter("error")
            return skops.io.loads(files.model, trusted=list(TRUSTED_TYPES))
    except Exception as error:  # whatever a damaged file makes skops raise
        raise ModelCorrupt(
            f"cannot load {files.model_path}: {type(error).__name__}: {error}"
        ) from error


def _refuse_untrusted(files: _Files) -> None:
    import skops.io

    try:
        untrusted_types = set(skops.io.get_untrusted_types(data=files.model))
    except Exception as error:  # whatever a damaged file makes skops raise
        raise ModelCorrupt(
            f"cannot read {files.model_path}: {type(error).__name__}: {error}"
        ) from error
    surplus = sorted(untrusted_types - set(TRUSTED_TYPES))
    if surplus:
        raise ModelUntrusted(
            f"{files.model_path} holds types {surplus} that are not on the allow-list; "
            "add them to TRUSTED_TYPES in models/formats/skops.py after a look at their code"
        )
