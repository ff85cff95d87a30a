"""A frozen network that turns an image into numbers, run by onnxruntime on one thread."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt


class NetworkError(ValueError):
    """A network's file is missing, or is not what the scenario declares; raised at start."""

    exit_code = 2


@dataclass(frozen=True)
class Output:
    """One output of a network: its name in the file, and how many numbers it has per image."""

    name: str
    size: int = 1

    @property
    def figures(self) -> tuple[str, ...]:
        """A name for each of its numbers: its own, or with the number behind it."""
        if self.size == 1:
            return (self.name,)
        digits = len(str(self.size - 1))
        return tuple(f"{self.name}_{at:0{digits}d}" for at in range(self.size))


@dataclass(frozen=True, kw_only=True)
class Network:
    """An ONNX file that comes with a scenario: it is part of what the features mean.

    The input `pixels` is float32 (n, 1, side, side), 0 black and 1 white.

    package, file  where it is, as a package's resource: it travels with the code
    outputs        which of the file's outputs become figures
    maps           the output (n, k, h, w) by which it is shown where in the image a score comes
                   from; "": the file has none
    embedding      the output (n, k) that is the mean of `maps` over h and w
    """

    package: str
    file: str
    side: int
    outputs: tuple[Output, ...]
    maps: str = ""
    embedding: str = ""

    def __post_init__(self) -> None:
        if bool(self.maps) != bool(self.embedding):
            raise NetworkError(
                f"{self.file}: maps {self.maps!r} and embedding {self.embedding!r} are declared "
                "together or not at all"
            )

    @cached_property
    def content(self) -> bytes:
        """The file's bytes; raises `NetworkError`."""
        try:
            return files(self.package).joinpath(self.file).read_bytes()
        except (OSError, ModuleNotFoundError) as error:
            raise NetworkError(f"there is no network {self.file} in {self.package}") from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    def session(self) -> "NetworkSession":
        """The network made ready to run; it does not travel."""
        return NetworkSession(self)


class NetworkSession:
    """Runs one network on one image at a time.

    One thread and one image: the numbers of an image do not depend on what else is in the batch,
    and a worker takes no more cores than it was given.
    """

    def __init__(self, network: Network) -> None:
        self._session = onnx_session(network.content)
        self._network = network
        self._names = [output.name for output in network.outputs]
        self._check()

    def figures(self, pixels: npt.NDArray[np.float32]) -> list[float]:
        """All numbers of the outputs, in their order, of one image (side, side) in [0, 1]."""
        outputs = self._session.run(self._names, {"pixels": pixels[np.newaxis, np.newaxis]})
        return [float(value) for output in outputs for value in np.ravel(output)]

    def _check(self) -> None:
        network = self._network
        there = {output.name for output in self._session.get_outputs()}
        wanted_names = [*self._names, *filter(None, (network.maps, network.embedding))]
        if missing := [name for name in wanted_names if name not in there]:
            raise NetworkError(f"{network.file} has no outputs {missing}; it has {sorted(there)}")
        blank = np.zeros((network.side, network.side), dtype=np.float32)
        wanted = sum(output.size for output in network.outputs)
        if len(numbers := self.figures(blank)) != wanted:
            raise NetworkError(
                f"{network.file} gives {len(numbers)} numbers for an image, declared are {wanted}"
            )


def onnx_session(content: bytes) -> Any:
    """The ONNX network in `content`, on one thread."""
    import onnxruntime  # 0.2 s, and only those who read images need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
