"""A module of PyTorch becomes a graph; skipped where torch, an optional extra, is not installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.formats.format import model_format
from models.formats.onnx_writer import NoConversion, onnx_of
from models.formats.parity import score_parity
from tests.unit.models.formats.foreign_files import NAMES, PROBE

INSTALL = "needs torch: run .venv/bin/python -m pip install '.[torch]'"


def test_a_module_is_exported_and_scores_alike() -> None:
    torch: Any = pytest.importorskip("torch", reason=INSTALL)
    pytest.importorskip("onnxscript", reason=INSTALL)
    torch.manual_seed(1)
    module = torch.nn.Sequential(
        torch.nn.Linear(len(NAMES), 4), torch.nn.ReLU(), torch.nn.Linear(4, 1), torch.nn.Sigmoid()
    )
    rows = np.nan_to_num(PROBE) / 1e9
    content = onnx_of(module, feature_names=NAMES)
    in_file = model_format("onnx").read(content, file=Path("m.onnx"))
    assert in_file.feature_names == NAMES
    with torch.no_grad():
        expected = module(torch.tensor(rows, dtype=torch.float32)).numpy()[:, 0]
    scores = in_file.predictor.scores(rows)
    assert score_parity(expected.astype(np.float64), scores, 1e-5).holds


def test_what_has_no_conversion_is_named() -> None:
    with pytest.raises(NoConversion, match="no conversion of dict of builtins to ONNX"):
        onnx_of({"weights": 1})
