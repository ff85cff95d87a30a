"""The table of the network and of references on held-out children and on the official test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scenarios.xray.images_file import (
    BACTERIAL,
    OfficialTest,
    Xrays,
    network_pixels,
    read_small_xrays,
    read_xrays,
)
from scenarios.xray.network.metrics import REPLICATES, Figure, Scored, figures, threshold_at_recall
from scenarios.xray.network.running import network_session, session_outputs
from scenarios.xray.patient_split import Part, child_key, is_in_part

Logits = npt.NDArray[np.float64]
# Pixels (n, 1, 64, 64) to the logits of pneumonia and of bacterial against viral, (n,) each.
Scorer = Callable[[npt.NDArray[np.float32]], tuple[Logits, Logits]]

LARGE, SMALL, OFFICIAL = "held-out, 64 px", "held-out, 28 px", "official test"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One model on one set: its scores, the threshold that was used and the figures."""

    model: str
    images: str
    scored: Scored
    threshold: float
    figures: Mapping[str, Figure]


def evaluated(
    model: str,
    scorer: Scorer,
    *,
    folder: Path,
    official: OfficialTest | None,
    replicates: int = REPLICATES,
) -> list[Result]:
    """The model on held-out children at both resolutions, and on the official test if there is one.

    The threshold is that of recall 0.97 on the calibration part, in images of 64 px for those of
    64 px; in squares of 28 px for those and for the official test, which is cropped alike.
    """
    results = []
    large, small = read_xrays(folder), read_small_xrays(folder)
    for name, xrays in ((LARGE, large), (SMALL, small)):
        threshold = threshold_at_recall(scored(scorer, of_part(xrays, "calibration")))
        held_out = scored(scorer, of_part(xrays, "held_out"))
        results.append(_result(model, name, held_out, threshold, replicates))
    if official is not None:
        results.append(
            _result(model, OFFICIAL, scored_official(scorer, official), threshold, replicates)
        )
    return results


def network_scorer(content: bytes) -> Scorer:
    """The scorer of a network's ONNX file."""
    session = network_session(content)

    def scorer(pixels: npt.NDArray[np.float32]) -> tuple[Logits, Logits]:
        outputs = session_outputs(session, pixels, ("pneumonia", "bacterial"))
        return outputs["pneumonia"].astype(np.float64), outputs["bacterial"].astype(np.float64)

    return scorer


def of_part(xrays: Xrays, part: Part) -> Xrays:
    """The X-rays of the children of `part`."""
    return xrays.rows(is_in_part(xrays.patients, part))


def scored(scorer: Scorer, xrays: Xrays) -> Scored:
    """X-rays with their logits."""
    pneumonia, bacterial = scorer(network_pixels(xrays.images))
    return Scored(
        pneumonia=pneumonia,
        bacterial=bacterial,
        has_pneumonia=xrays.has_pneumonia,
        is_bacterial=xrays.types == BACTERIAL,
        children=np.array([child_key(str(patient)) for patient in xrays.patients]),
    )


def scored_official(scorer: Scorer, official: OfficialTest) -> Scored:
    """The official test with its logits; it names no patients, so each image is its own child."""
    pneumonia, bacterial = scorer(network_pixels(official.images))
    return Scored(
        pneumonia=pneumonia,
        bacterial=bacterial,
        has_pneumonia=official.has_pneumonia,
        is_bacterial=None,
        children=np.arange(len(pneumonia)).astype(np.str_),
    )


def _result(model: str, images: str, rows: Scored, threshold: float, replicates: int) -> Result:
    return Result(
        model=model,
        images=images,
        scored=rows,
        threshold=threshold,
        figures=figures(rows, threshold=threshold, replicates=replicates),
    )
