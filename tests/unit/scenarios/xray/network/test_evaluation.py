"""The table on made-up X-rays: every set and model has its rows."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from scenarios.xray.images_file import OfficialTest
from scenarios.xray.network.evaluation import LARGE, OFFICIAL, SMALL, evaluated, network_scorer
from scenarios.xray.network.overlay import overlay_png
from scenarios.xray.network.references.support_vectors import support_vector_scorer
from scenarios.xray.network.report import (
    activations_png,
    curves_png,
    markdown,
    milliseconds_per_image,
)
from scenarios.xray.network.running import NETWORK_FILE
from tests.unit.scenarios.xray.few_xrays import few_xrays, write_folder

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def test_support_vectors_find_the_spots_and_the_report_shows_it(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, 300)
    squares = few_xrays(30, side=28, seed=5)
    official = OfficialTest(images=squares.images, has_pneumonia=squares.has_pneumonia)
    results = evaluated(
        "PCA and SVM",
        support_vector_scorer(folder),
        folder=folder,
        official=official,
        replicates=20,
    )
    assert [result.images for result in results] == [LARGE, SMALL, OFFICIAL]
    assert results[0].figures["pneumonia_auroc"].value == pytest.approx(1)
    assert results[0].figures["bacterial_auroc_at_100"].value == pytest.approx(1)
    assert "bacterial_ece" not in results[2].figures
    text = markdown(results, now=NOW, sentences=["A sentence."], pictures={"Curves": "curves.png"})
    assert "| AUROC of pneumonia | 1.000 (1.000 to 1.000) |" in text
    assert "Not measured" not in text
    assert "Not measured" in markdown(results[:2], now=NOW, sentences=[], pictures={})
    assert curves_png(results).startswith(b"\x89PNG")


def test_the_committed_network_scores_and_is_timed() -> None:
    content = NETWORK_FILE.read_bytes()
    pneumonia, bacterial = network_scorer(content)(np.zeros((2, 1, 64, 64), np.float32))
    assert pneumonia.shape == bacterial.shape == (2,)
    assert 0 < milliseconds_per_image(content) < 50


def test_overlays_stand_in_one_picture() -> None:
    picture = overlay_png(np.zeros((64, 64)), np.zeros((64, 64)))
    assert activations_png([("normal", picture), ("viral", picture)]).startswith(b"\x89PNG")
