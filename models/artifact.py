"""A model version as a folder of two files, safe to load: model.skops and card.json."""

import hashlib
import warnings
from collections.abc import Sequence
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
    """Write both files into `folder` (made when missing) and return their `folder_sha256`.

    Raises `ModelUntrusted` when the file could not be loaded again.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(estimator, folder / MODEL_FILE)
    _refuse_untrusted(folder)
    card_json = msgspec.json.format(msgspec.json.encode(card), indent=2)
    (folder / CARD_FILE).write_bytes(card_json + b"\n")
    return folder_sha256(folder)


def load_artifact(
    folder: Path, *, name: str, version: str, sha256: str, available_features: Sequence[str]
) -> ScoringModel:
    """The model in `folder`, ready to score matrices with the columns `available_features`.

    Raises `ModelMissing`, `ModelCorrupt` (another hash than `sha256`, or unreadable),
    `ModelUntrusted` or `ModelNeedsFeatures`; nothing is unpacked before the hash agrees.
    """
    found = folder_sha256(folder)
    if found != sha256:
        raise ModelCorrupt(
            f"model {name} version {version} in {folder} has SHA-256 {found}, "
            f"deployed was {sha256}: restore the files or deploy another version"
        )
    card = read_card(folder)
    _refuse_untrusted(folder)
    return scoring_model(
        _estimator(folder),
        name=name,
        version=version,
        card=card,
        available_features=available_features,
    )


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`; raises `ModelMissing` or `ModelCorrupt`."""
    try:
        return msgspec.json.decode(_bytes(folder / CARD_FILE), type=ModelCard)
    except msgspec.MsgspecError as error:
        raise ModelCorrupt(f"{folder / CARD_FILE} is not a model card: {error}") from error


def folder_sha256(folder: Path) -> str:
    """SHA-256 over names, lengths and bytes of both files; raises `ModelMissing`."""
    digest = hashlib.sha256()
    for name in (CARD_FILE, MODEL_FILE):
        content = _bytes(folder / name)
        digest.update(f"{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelMissing(f"cannot read model file {path}: {error.strerror}") from error


def _estimator(folder: Path) -> Any:
    import skops.io

    try:
        with warnings.catch_warnings():
            # Another scikit-learn than the one that trained would give other scores in silence.
            warnings.simplefilter("error")
            return skops.io.load(folder / MODEL_FILE, trusted=list(TRUSTED_TYPES))
    except Exception as error:  # whatever a damaged file makes skops raise
        raise ModelCorrupt(
            f"cannot load {folder / MODEL_FILE}: {type(error).__name__}: {error}"
        ) from error


def _refuse_untrusted(folder: Path) -> None:
    import skops.io

    try:
        found = set(skops.io.get_untrusted_types(file=folder / MODEL_FILE))
    except Exception as error:  # whatever a damaged file makes skops raise
        raise ModelCorrupt(
            f"cannot read {folder / MODEL_FILE}: {type(error).__name__}: {error}"
        ) from error
    surplus = sorted(found - set(TRUSTED_TYPES))
    if surplus:
        raise ModelUntrusted(
            f"{folder / MODEL_FILE} holds types {surplus} that are not on the allow-list; "
            "add them to TRUSTED_TYPES in models/artifact.py after a look at their code"
        )
