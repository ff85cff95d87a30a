"""From the data files to the network file and its record, with everything in between."""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scenarios.xray.images_file import file_digests, official_test
from scenarios.xray.network.architecture import LAYERS, small_trunk
from scenarios.xray.network.calibration import fitted_novelty, fitted_temperature
from scenarios.xray.network.evaluation import evaluated, network_scorer
from scenarios.xray.network.export import OPSET, Calibrated, check_export, network_bytes
from scenarios.xray.network.training import Epoch, Plan, Trained, outputs, trained
from scenarios.xray.network.training_rows import Rows, part_rows
from scenarios.xray.patient_split import SALT

_PACKAGES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "scipy", "torch")
LEAKAGE = (
    "Weights, class means and covariance come from children of the network part only. "
    "Temperatures, the novelty's scale, thresholds and the choice of the plan come from the "
    "calibration part. "
    "Children of the held-out part are used for figures only. A number counts as one child, "
    "whether bacterial, viral or of either series of normal X-rays. The 28 px images are the "
    "same X-rays as those of 64 px and are in the part of their child. The official test names no "
    "patients: whether its children are in the training folder cannot be told."
)


@dataclass(frozen=True, kw_only=True)
class MadeNetwork:
    """The ONNX file's bytes and the record as JSON text."""

    content: bytes
    record: str


def made_network(
    folder: Path, plan: Plan, *, on_epoch: Callable[[Epoch], None], show: Callable[[str], None]
) -> MadeNetwork:
    """Train on the network part, calibrate, export and measure; raises when the export differs."""
    rows, calibration = part_rows(folder, "network"), part_rows(folder, "calibration")
    training = trained(small_trunk, rows, calibration=calibration, plan=plan, on_epoch=on_epoch)
    calibrated = calibrated_trunk(training, rows, calibration=calibration)
    content = network_bytes(calibrated)
    difference = check_export(content, calibrated, calibration.pixels[:256].numpy())
    show(f"torch and onnxruntime differ by {difference:.1g} at most; measuring")
    results = evaluated(
        "network", network_scorer(content), folder=folder, official=official_test(os.environ)
    )
    record = {
        "layers": [
            dict(zip(("channels", "kernel", "stride"), layer, strict=True)) for layer in LAYERS
        ],
        "opset": OPSET,
        "bytes": len(content),
        "data_sha256": file_digests(folder),
        "split_salt": SALT,
        "plan": asdict(plan),
        "epochs": training.epochs,
        "is_cut_short": training.is_cut_short,
        "cpu_seconds": round(training.cpu_seconds, 1),
        "temperatures": {
            "pneumonia": round(calibrated.pneumonia_temperature, 4),
            "bacterial": round(calibrated.bacterial_temperature, 4),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
        "figures": {
            result.images: {
                "images": len(result.scored),
                "threshold": round(result.threshold, 4),
                **{
                    name: [round(value, 4) for value in (figure.value, figure.low, figure.high)]
                    for name, figure in result.figures.items()
                },
            }
            for result in results
        },
        "leakage": LEAKAGE,
    }
    return MadeNetwork(content=content, record=json.dumps(record, indent=1) + "\n")


def calibrated_trunk(training: Trained, rows: Rows, *, calibration: Rows) -> Calibrated:
    """The trunk with temperatures and novelty from both parts, images of both resolutions."""
    _, logits = outputs(training.trunk, calibration.pixels)
    is_ill = calibration.has_pneumonia == 1
    embeddings, _ = outputs(training.trunk, rows.pixels)
    calibration_embeddings, _ = outputs(training.trunk, calibration.pixels)
    return Calibrated(
        trunk=training.trunk,
        pneumonia_temperature=fitted_temperature(logits[:, 0], is_ill),
        bacterial_temperature=fitted_temperature(
            logits[is_ill, 1], calibration.is_bacterial[is_ill]
        ),
        novelty=fitted_novelty(embeddings, _types(rows), calibration=calibration_embeddings),
    )


def _types(rows: Rows) -> Any:
    return rows.has_pneumonia + rows.is_bacterial
