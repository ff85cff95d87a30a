"""A model file that somebody else trained: which format it is, what it needs, how it scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from batch.exchange.unpickling import unpickled
from models.errors import ModelCorrupt, ModelMissing, ModelNeedsFeatures, ModelUntrusted
from models.formats.artifact import check_order
from models.formats.format import ModelFormat, ModelInFile, model_format

Floats = npt.NDArray[np.float64]

PICKLE = "pickle"
# The end of a file's name → its format.
ENDINGS = {
    ".skops": "skops",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".txt": "lightgbm",
    ".lgb": "lightgbm",
    ".onnx": "onnx",
    ".pmml": "pmml",
    ".xml": "pmml",
    ".pkl": PICKLE,
    ".pickle": PICKLE,
    ".joblib": PICKLE,
}
_TORCH = (".pt", ".pth", ".pt2")


@dataclass(frozen=True, kw_only=True)
class ForeignModel:
    """What a file holds, as a version will store it.

    model          what `stored_as` writes and logs
    feature_names  its columns, in order
    scores         those (n,) of the probe rows by the library itself
    """

    stored_as: ModelFormat
    model: Any
    feature_names: tuple[str, ...]
    scores: Floats


def foreign_model(
    file: Path,
    probe: Floats,
    scenario_features: Sequence[str],
    *,
    feature_names: Sequence[str] | None = None,
    trusts_pickle: bool = False,
) -> ForeignModel:
    """The model in `file`; probe: rows (n, k) of the scenario's features.

    feature_names: its columns, for a file that names none; default: all of the scenario's. Raises
    `ModelMissing`, `ModelCorrupt`, `ModelUntrusted` (also for a pickle that nobody trusts: it is
    not opened then) or `ModelNeedsFeatures` with both lists of features.
    """
    kind = kind_of(file)
    names = tuple(feature_names or scenario_features)
    if kind == PICKLE and not trusts_pickle:
        raise ModelUntrusted(
            f"{file} is a pickle, which runs the code that it holds when it is read: add "
            "--trust-pickle if you know who made it, or save the model by skops.io.dump"
        )
    if not file.is_file():
        raise ModelMissing(f"there is no file {file}")
    check_names(names, scenario_features, file=file)
    rows = columns_of(probe, scenario_features, names)
    stored_as = model_format("skops" if kind == PICKLE else kind)
    own = unpickled(file, rows) if kind == PICKLE else None
    in_file = stored_as.read(own.content if own else file.read_bytes(), file=file)
    if in_file.feature_names is not None:
        if feature_names is None:
            check_names(in_file.feature_names, scenario_features, file=file)
            names = in_file.feature_names
            rows = columns_of(probe, scenario_features, names)
        check_order(in_file.feature_names, names, file=file)
    return ForeignModel(
        stored_as=stored_as,
        model=in_file.model,
        feature_names=names,
        scores=own.scores if own else _library_scores(in_file, rows, file),
    )


def kind_of(file: Path) -> str:
    """The format that the end of the file's name says, or "pickle"; raises `ModelCorrupt`."""
    ending = file.suffix.lower()
    if ending in _TORCH:
        raise ModelCorrupt(
            f"{file} is PyTorch's, which needs its own code to be read: export the module by "
            "torch.onnx.export and import the .onnx file"
        )
    if ending not in ENDINGS:
        raise ModelCorrupt(f"{file} ends in {ending!r}, expected one of {list(ENDINGS)}")
    return ENDINGS[ending]


def check_names(names: Sequence[str], scenario_features: Sequence[str], *, file: Path) -> None:
    """Raise `ModelNeedsFeatures` unless `names` are of the scenario's, in its order.

    A model may use some of them only; another order is an error of the export more often than not.
    """
    unknown = sorted(set(names) - set(scenario_features))
    if unknown or len(set(names)) != len(names):
        raise ModelNeedsFeatures(
            f"{file} needs the features {unknown or list(names)}, the scenario has "
            f"{list(scenario_features)}: rename them in the file, or name its columns by --features"
        )
    check_order(names, [name for name in scenario_features if name in set(names)], file=file)


def _library_scores(in_file: ModelInFile, rows: Floats, file: Path) -> Floats:
    """Scores by the library's usual way, which is not always the one that serves."""
    try:
        return (in_file.library or in_file.predictor).scores(rows)
    except Exception as error:  # each library raises its own for a matrix of another width
        first_line = str(error).strip().splitlines()[0]
        raise ModelNeedsFeatures(
            f"{file} cannot score rows of {rows.shape[1]} features: {type(error).__name__}: "
            f"{first_line}; name its columns by --features"
        ) from error


def columns_of(
    probe: Floats, scenario_features: Sequence[str], feature_names: Sequence[str]
) -> Floats:
    """The columns `feature_names` of the probe rows (n, k), which have the scenario's features."""
    position = {name: column for column, name in enumerate(scenario_features)}
    return probe[:, [position[name] for name in feature_names]]
