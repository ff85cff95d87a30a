"""A registered version as a file for other software, compared with the version itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.exchange.foreign import Floats
from models.formats.format import model_format
from models.formats.onnx_writer import NoConversion, onnx_of
from models.formats.parity import ScoreParity, score_parity
from models.formats.pmml_writer import pmml_of
from models.scoring_model import ScoringModel

# Format of a version → the formats that it can be written in for others.
EXPORTS: Mapping[str, tuple[str, ...]] = {
    "skops": ("onnx", "pmml"),
    "xgboost": ("onnx",),
    "lightgbm": ("onnx",),
    "onnx": ("onnx",),
    "pmml": ("pmml",),
}


@dataclass(frozen=True)
class Exported:
    """The file's bytes and how its scores compare with the version's."""

    content: bytes
    parity: ScoreParity


def exported(model: ScoringModel, rows: Floats, *, to: str) -> Exported:
    """`model` in the format `to`, its features named; compared on `rows` (n, k) of the scenario.

    Raises `NoConversion` naming what the version's format can be written in.
    """
    source = model.card.format
    if to not in EXPORTS.get(source, ()):
        raise NoConversion(
            f"a version stored as {source} cannot be written as {to}; it can be written as "
            f"{' or '.join(EXPORTS.get(source, ())) or 'nothing else'}"
        )
    names, trained = model.card.feature_names, _trained(model)
    if to == "onnx":
        content = onnx_of(trained, feature_names=names)
    else:
        content = trained if isinstance(trained, bytes) else pmml_of(trained, feature_names=names)
    stored_as = model_format(to)
    again = stored_as.read(content, file=Path(stored_as.file_name))
    # A writer may leave out the features that the model never asks for.
    in_file = again.feature_names or names
    columns = rows[:, [int(model.columns[names.index(name)]) for name in in_file]]
    parity = score_parity(model.scores(rows), again.predictor.scores(columns), stored_as.tolerance)
    return Exported(content, parity)


def _trained(model: ScoringModel) -> Any:
    """What the version's predictor scores with: an estimator, a booster or a file's bytes."""
    predictor: Any = model.predictor
    for attribute in ("estimator", "booster", "content"):
        if hasattr(predictor, attribute):
            return getattr(predictor, attribute)
    raise NoConversion(f"a {type(predictor).__qualname__} cannot be written for other software")
