"""A small residual network of torch: the reference that the shipped network is compared with."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scenarios.xray.network.architecture import Trunk
from scenarios.xray.network.calibration import fitted_temperature
from scenarios.xray.network.evaluation import Logits, Scorer
from scenarios.xray.network.training import Plan, outputs, trained
from scenarios.xray.network.training_rows import part_rows

_WIDTHS = (16, 32, 64)
_BLOCKS = 2  # for each width, as in ResNet-18 (He et al. 2016)


class Block(torch.nn.Module):  # type: ignore[misc]
    """Two convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, before: int, after: int, *, stride: int) -> None:
        super().__init__()
        self.way = torch.nn.Sequential(
            torch.nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            torch.nn.BatchNorm2d(after),
            torch.nn.ReLU(),
            torch.nn.Conv2d(after, after, 3, padding=1, bias=False),
            torch.nn.BatchNorm2d(after),
        )
        self.shortcut = (
            torch.nn.Identity()
            if stride == 1 and before == after
            else torch.nn.Sequential(
                torch.nn.Conv2d(before, after, 1, stride=stride, bias=False),
                torch.nn.BatchNorm2d(after),
            )
        )

    def forward(self, values: Any) -> Any:
        """Maps of `after` channels."""
        return torch.relu(self.way(values) + self.shortcut(values))


def residual_trunk() -> Trunk:
    """Six blocks of 16, 32 and 64 channels after a convolution of stride 2."""
    layers: list[Any] = [
        torch.nn.Conv2d(1, _WIDTHS[0], 5, stride=2, padding=2, bias=False),
        torch.nn.BatchNorm2d(_WIDTHS[0]),
        torch.nn.ReLU(),
    ]
    before = _WIDTHS[0]
    for after in _WIDTHS:
        for number in range(_BLOCKS):
            is_first = number == 0 and after != before
            layers.append(Block(before, after, stride=2 if is_first else 1))
            before = after
    heads = torch.nn.Sequential(torch.nn.Dropout(0.1), torch.nn.Linear(before, 2))
    features = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)
    return Trunk(features=features, heads=heads)


def residual_scorer(folder: Path, plan: Plan, **callbacks: Any) -> Scorer:
    """The residual network trained as `plan` says on the network part, with temperatures."""
    calibration = part_rows(folder, "calibration")
    training = trained(
        residual_trunk,
        part_rows(folder, "network"),
        calibration=calibration,
        plan=plan,
        **callbacks,
    )
    _, logits = outputs(training.trunk, calibration.pixels)
    is_ill = calibration.has_pneumonia == 1
    temperatures = (
        fitted_temperature(logits[:, 0], is_ill),
        fitted_temperature(logits[is_ill, 1], calibration.is_bacterial[is_ill]),
    )

    def scorer(pixels: npt.NDArray[np.float32]) -> tuple[Logits, Logits]:
        values = outputs(training.trunk, torch.from_numpy(pixels))[1].numpy().astype(np.float64)
        return values[:, 0] / temperatures[0], values[:, 1] / temperatures[1]

    return scorer
