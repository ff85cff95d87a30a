"""Every plot is written as a PNG."""

from pathlib import Path

import numpy as np

from models.evaluation.metrics import evaluate
from models.evaluation.plots import save_plots


def test_four_plots_are_written(tmp_path: Path) -> None:
    outcomes, scores = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 1.0])
    paths = save_plots(tmp_path, outcomes, scores, evaluate(outcomes, scores, threshold=0.4))
    assert [path.stem for path in paths] == ["roc", "precision_recall", "calibration", "confusion"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
