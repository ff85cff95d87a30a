"""A model version as a folder of two files, safe to load: the model's, and card.json."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from models.card import ModelCard
from models.errors import ModelCorrupt, ModelMissing, ModelNeedsFeatures
from models.formats.format import ModelFormat, model_format
from models.scoring_model import ScoringModel, scoring_model

CARD_FILE = "card.json"


def save_artifact(
    folder: Path,
    model: Any,
    card: ModelCard,
    *,
    formats: Callable[[str], ModelFormat] = model_format,
) -> str:
    """Write both files into `folder` (created when missing) and return their `folder_sha256`.

    The model is written in the format that its card names. Raises `ModelUntrusted` when the file
    could not be loaded again; nothing is written then.
    """
    stored_as = formats(card.format)
    content = stored_as.write(model)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / stored_as.file_name).write_bytes(content)
    card_json = msgspec.json.format(msgspec.json.encode(card), indent=2)
    (folder / CARD_FILE).write_bytes(card_json + b"\n")
    return folder_sha256(folder, formats)


def load_artifact(
    folder: Path,
    *,
    name: str,
    version: str,
    sha256: str,
    available_features: Sequence[str],
    formats: Callable[[str], ModelFormat] = model_format,
) -> ScoringModel:
    """The model in `folder`, ready to score matrices with the columns `available_features`.

    Both files are read once: the bytes that agree with `sha256` are the bytes that are loaded,
    whatever happens to the files meanwhile. Raises `ModelMissing`, `ModelCorrupt` (another hash
    than `sha256`, or unreadable), `ModelUntrusted` or `ModelNeedsFeatures`; nothing is unpacked
    before the hash agrees.
    """
    files = _read(folder, formats)
    if files.sha256 != sha256:
        raise ModelCorrupt(
            f"model {name} version {version} in {folder} has SHA-256 {files.sha256}, "
            f"deployed was {sha256}: restore the files or deploy another version"
        )
    in_file = files.stored_as.read(files.model, file=files.model_file)
    if in_file.feature_names is not None:
        check_order(in_file.feature_names, files.card.feature_names, file=files.model_file)
    return scoring_model(
        in_file.predictor,
        in_file.explainer,
        batch_only=files.stored_as.batch_only,
        name=name,
        version=version,
        card=files.card,
        available_features=available_features,
    )


def check_order(in_file: Sequence[str], expected: Sequence[str], *, file: Path) -> None:
    """Raise `ModelNeedsFeatures` with both lists unless they are the same in the same order."""
    if tuple(in_file) == tuple(expected):
        return
    pairs = zip_longest(in_file, expected, fillvalue="-")
    listed = ", ".join(
        f"{number} {ours} | {theirs}{'' if ours == theirs else ' (!)'}"
        for number, (ours, theirs) in enumerate(pairs, start=1)
    )
    raise ModelNeedsFeatures(
        f"{file} has other features, or another order of them, than expected. "
        f"In the file | expected: {listed}"
    )


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`; raises `ModelMissing` or `ModelCorrupt`."""
    return _card(folder, _bytes(folder / CARD_FILE))


def folder_sha256(folder: Path, formats: Callable[[str], ModelFormat] = model_format) -> str:
    """SHA-256 over names, lengths and bytes of both files.

    Raises `ModelMissing`, or `ModelCorrupt` when the card does not say which format it is.
    """
    return _read(folder, formats).sha256


@dataclass(frozen=True)
class _Files:
    """The two files of a folder, in memory."""

    folder: Path
    card_json: bytes
    model: bytes
    card: ModelCard
    stored_as: ModelFormat

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for name, content in (
            (CARD_FILE, self.card_json),
            (self.stored_as.file_name, self.model),
        ):
            digest.update(f"{name}:{len(content)}:".encode())
            digest.update(content)
        return digest.hexdigest()

    @property
    def model_file(self) -> Path:
        return self.folder / self.stored_as.file_name


def _read(folder: Path, formats: Callable[[str], ModelFormat]) -> _Files:
    card_json = _bytes(folder / CARD_FILE)
    card = _card(folder, card_json)
    stored_as = formats(card.format)
    return _Files(folder, card_json, _bytes(folder / stored_as.file_name), card, stored_as)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelMissing(f"cannot read model file {path}: {error.strerror}") from error


def _card(folder: Path, card_json: bytes) -> ModelCard:
    try:
        return msgspec.json.decode(card_json, type=ModelCard)
    except msgspec.MsgspecError as error:
        raise ModelCorrupt(f"{folder / CARD_FILE} is not a model card: {error}") from error
