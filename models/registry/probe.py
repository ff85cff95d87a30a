"""The probe set of a model version: rows frozen at training, and the scores they got then."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import ModelMissing

PROBE_FILE = "probe.npz"
MOST_ROWS = 10_000


@dataclass(frozen=True)
class Probe:
    """features float64 (n, k) in the order of the card's names, scores float64 (n,) in [0, 1]."""

    features: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]


def save_probe(
    path: Path, features: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> None:
    """Write the first `MOST_ROWS` rows, exact to the bit; no entity ids are in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, features=features[:MOST_ROWS], scores=scores[:MOST_ROWS])


def probe_folder(artifact_uri: str) -> str:
    """Where the probe set of the version at `artifact_uri` lies: beside the model's folder."""
    return f"{artifact_uri.rstrip('/').rpartition('/')[0]}/probe"


def read_probe(path: Path) -> Probe:
    """What `save_probe` wrote; raises `ModelMissing` when it is not there."""
    if not path.is_file():
        raise ModelMissing(f"there is no probe set {path}: the version was trained before probes")
    with np.load(path, allow_pickle=False) as arrays:
        return Probe(arrays["features"], arrays["scores"])
