"""The layers of the network, and the torch modules that are trained."""

from dataclasses import dataclass
from typing import Any

import torch

WIDTH = 32  # of the embedding
# (channels, kernel, stride) of convolutions, each with batch normalisation and ReLU: 64 x 64 pixels
# become 8 x 8 maps with 14 million multiplications, under a millisecond on one core.
LAYERS = ((16, 5, 2), (24, 3, 1), (32, 3, 2), (48, 3, 1), (64, 3, 2), (64, 3, 1), (WIDTH, 1, 1))
# Brightness and contrast are measured where the chest is; borders are black in some images only.
MIDDLE = (8, 56)
LEAST_CONTRAST = 0.02  # a standard deviation of pixels; an empty image divides by it
FARTHEST = 3.0  # standard deviations; beyond are markers and burnt-in letters


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """`features` turns normalised pixels into maps (n, 32, 8, 8); `heads` an embedding into logits.

    The two columns of `heads` are pneumonia and bacterial against viral.
    """

    features: Any
    heads: Any

    def maps(self, pixels: Any) -> Any:
        """Maps (n, 32, 8, 8) of `pixels` (n, 1, 64, 64) in [0, 1]."""
        return self.features(normalised(pixels))

    def logits(self, maps: Any) -> Any:
        """Logits (n, 2) from the mean of the maps over height and width."""
        return self.heads(maps.mean(dim=(2, 3)))

    def tensors(self) -> list[Any]:
        """Weights and running statistics, the same order each time."""
        return [
            tensor
            for module in (self.features, self.heads)
            for tensor in module.state_dict().values()
            if tensor.is_floating_point()
        ]

    def train(self, is_training: bool) -> None:
        """Switch batch statistics and dropout on or off."""
        self.features.train(is_training)
        self.heads.train(is_training)


def normalised(pixels: Any) -> Any:
    """Pixels less the mean, over the standard deviation, of the middle; at most 3 from 0."""
    first, last = MIDDLE
    middle = pixels[:, :, first:last, first:last]
    mean = middle.mean(dim=(2, 3), keepdim=True)
    spread = ((middle - mean) ** 2).mean(dim=(2, 3), keepdim=True).sqrt()
    return ((pixels - mean) / (spread + LEAST_CONTRAST)).clamp(-FARTHEST, FARTHEST)


def small_trunk(dropout: float = 0.1) -> Trunk:
    """The network that is shipped, with new random weights of torch's current seed."""
    layers: list[Any] = []
    width = 1
    for channels, kernel, stride in LAYERS:
        convolution = torch.nn.Conv2d(
            width, channels, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        layers += [convolution, torch.nn.BatchNorm2d(channels), torch.nn.ReLU()]
        width = channels
    heads = torch.nn.Sequential(torch.nn.Dropout(dropout), torch.nn.Linear(WIDTH, 2))
    features = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)
    return Trunk(features=features, heads=heads)
