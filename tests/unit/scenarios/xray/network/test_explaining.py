"""The service's overlays over the shipped network: every output follows the embedding."""

import numpy as np
import numpy.typing as npt
import pytest

from features.images.explaining import ImageExplainer
from features.images.image import Image
from features.images.network import Network, Output
from features.images.quality import FIGURES
from tests.support.pictures import file_of, levels

WIDTH = 32
OTHERS = ("pneumonia", "bacterial", "novelty")
NETWORK = Network(
    package="scenarios.xray.network",
    file="network.onnx",
    side=64,
    outputs=(Output("embedding", WIDTH), *(Output(name) for name in OTHERS)),
    maps="maps",
    embedding="embedding",
)


@pytest.mark.parametrize("name", OTHERS)
def test_a_score_that_reads_one_output_alone_moves_with_the_embedding(name: str) -> None:
    column = len(FIGURES) + WIDTH + OTHERS.index(name)
    spans = []

    def score(figures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        spans.append(float(np.ptp(figures[:, column])))
        return figures[:, column]

    explainer = ImageExplainer(Image(name="chest", network=NETWORK))
    overlay = explainer.overlay(file_of(levels(64)), score)
    assert spans[0] > 0.0
    assert overlay is None or overlay.startswith(b"\x89PNG")
