"""What Everscore asks of a model format, and the formats that it knows.

A format turns a trained model into the bytes of one file and those bytes into what scores. All else
of a version (its card, its hash, the features that it needs) is the same for every format, see
models/formats/artifact.py.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from models.errors import ModelCorrupt
from models.scoring_model import Explainer, Predictor

# Format → the module whose FORMAT it is; imported when a version of the format is read or written.
_MODULES = {
    "skops": "models.formats.skops",
    "xgboost": "models.formats.xgboost",
    "lightgbm": "models.formats.lightgbm",
    "onnx": "models.formats.onnx",
    "pmml": "models.formats.pmml",
}
FORMATS = tuple(_MODULES)


@dataclass(frozen=True)
class ModelInFile:
    """What a model's file holds.

    explainer      None where the format, or this model, gives no reasons
    feature_names  the columns that the file itself names, in its order; None when it names none
    model          what the format's `write` and `log_to_mlflow` take
    library        scores by the library's usual way, where the predictor takes a quicker one
    """

    predictor: Predictor
    explainer: Explainer | None = None
    feature_names: tuple[str, ...] | None = None
    model: Any = None
    library: Predictor | None = None


class ModelFormat(Protocol):
    """One way to store a trained model in a file."""

    @property
    def name(self) -> str:
        """As the card has it."""
        ...

    @property
    def file_name(self) -> str:
        """Name of the model's file, beside the card."""
        ...

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose versions decide a score."""
        ...

    @property
    def tolerance(self) -> float:
        """The largest difference of a score from that of the library that trained the model."""
        ...

    @property
    def batch_only(self) -> str:
        """Why the stream does not score it, as a clause; empty where it does."""
        ...

    @property
    def without_reasons(self) -> str:
        """Why no version of it explains its scores, as a clause; empty where versions do."""
        ...

    def write(self, model: Any) -> bytes:
        """The bytes of `model`; raises `ModelUntrusted` when `read` would refuse them."""
        ...

    def read(self, content: bytes, *, file: Path) -> ModelInFile:
        """The model in `content`.

        file: where `content` is from, for messages. Raises `ModelCorrupt` or `ModelUntrusted`; runs
        no code that comes with the file.
        """
        ...

    def log_to_mlflow(self, model: Any, *, signature: Any, requirements: list[str]) -> Any:
        """Log `model` in the active run of MLflow in a flavour that MLflow can load itself."""
        ...


def model_format(name: str) -> ModelFormat:
    """The format `name`; raises `ModelCorrupt` naming those that there are."""
    module = _MODULES.get(name)
    if module is None:
        raise ModelCorrupt(f"there is no model format {name!r}; there are {sorted(_MODULES)}")
    implementation: ModelFormat = import_module(module).FORMAT
    return implementation
