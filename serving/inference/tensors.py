"""Tensors of the Open Inference Protocol, as JSON and in the binary extension.

https://github.com/kserve/open-inference-protocol, and its extension "binary tensor data": raw
little-endian values behind the JSON; texts each with their length in four bytes.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from serving.scoring.errors import FeaturesRefused

BYTES, FP64, BOOL = "BYTES", "FP64", "BOOL"
NUMBER_TYPES = {
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_LENGTH = struct.Struct("<I")
_MOST_VALUES = 4_000_000


class InputTensor(msgspec.Struct, kw_only=True):
    """An input as it stands in the request."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


@dataclass(frozen=True)
class Tensor:
    """Values of one name.

    values  float64 of the tensor's shape; of BYTES the texts, flat
    """

    name: str
    shape: tuple[int, ...]
    values: npt.NDArray[np.float64] | list[str]


def read_tensors(inputs: Sequence[InputTensor], binary: bytes) -> list[Tensor]:
    """The tensors of a request; `binary` is what stands behind its JSON.

    Raises `FeaturesRefused`.
    """
    tensors, begin = [], 0
    for tensor in inputs:
        size = tensor.parameters.get("binary_data_size")
        if "shared_memory_region" in tensor.parameters:
            raise FeaturesRefused(f"input {tensor.name!r}: shared memory is not supported")
        part = None
        if size is not None:
            if not isinstance(size, int) or not 0 <= size <= len(binary) - begin:
                raise FeaturesRefused(
                    f"input {tensor.name!r}: binary_data_size is {size}, {len(binary) - begin} "
                    "bytes are left"
                )
            part, begin = binary[begin : begin + size], begin + size
        tensors.append(_tensor(tensor, part))
    if begin != len(binary):
        raise FeaturesRefused(f"{len(binary) - begin} bytes behind the inputs belong to none")
    return tensors


def binary_of(datatype: str, values: Sequence[Any]) -> bytes:
    """Output values as raw bytes."""
    if datatype == BYTES:
        texts = [text.encode() for text in values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    return np.array(values, dtype="<f8" if datatype == FP64 else "?").tobytes()


def _tensor(tensor: InputTensor, binary: bytes | None) -> Tensor:
    shape = tuple(tensor.shape)
    if not 1 <= len(shape) <= 2 or min(shape) < 0 or math.prod(shape) > _MOST_VALUES:
        raise FeaturesRefused(f"input {tensor.name!r}: shape {tensor.shape} is not [n] or [n, k]")
    count = math.prod(shape)
    if tensor.datatype == BYTES:
        texts = _texts(tensor, binary)
        _check_count(tensor, len(texts), count)
        return Tensor(tensor.name, shape, texts)
    if tensor.datatype not in NUMBER_TYPES:
        raise FeaturesRefused(
            f"input {tensor.name!r}: datatype {tensor.datatype!r} is not one of "
            f"{[BYTES, *NUMBER_TYPES]}"
        )
    values = _numbers(tensor, np.dtype(NUMBER_TYPES[tensor.datatype]), binary)
    _check_count(tensor, len(values), count)
    return Tensor(tensor.name, shape, values.reshape(shape))


def _texts(tensor: InputTensor, binary: bytes | None) -> list[str]:
    if binary is None:
        texts = list(_flat(tensor.data or []))
        if not all(isinstance(text, str) for text in texts):
            raise FeaturesRefused(f"input {tensor.name!r}: BYTES are given as strings")
        return texts
    texts, begin = [], 0
    try:
        while begin < len(binary):
            (length,) = _LENGTH.unpack_from(binary, begin)
            begin += _LENGTH.size + length
            if begin > len(binary):
                raise FeaturesRefused(f"input {tensor.name!r}: a text ends behind its data")
            texts.append(binary[begin - length : begin].decode())
    except (struct.error, UnicodeDecodeError) as error:
        raise FeaturesRefused(f"input {tensor.name!r}: {error}") from None
    return texts


def _numbers(
    tensor: InputTensor, dtype: np.dtype[Any], binary: bytes | None
) -> npt.NDArray[np.float64]:
    """Flat values; null is NaN."""
    if binary is not None:
        if len(binary) % dtype.itemsize:
            raise FeaturesRefused(
                f"input {tensor.name!r}: {len(binary)} bytes are no whole {tensor.datatype} values"
            )
        return np.frombuffer(binary, dtype).astype(np.float64)
    values = [math.nan if value is None else value for value in _flat(tensor.data or [])]
    if not all(type(value) in (int, float) for value in values):
        raise FeaturesRefused(f"input {tensor.name!r}: {tensor.datatype} are given as numbers")
    try:
        numbers = np.array(values, dtype=np.float64)
    except OverflowError:
        raise FeaturesRefused(f"input {tensor.name!r}: a number is too large") from None
    if dtype.kind != "f":
        return numbers
    with np.errstate(over="ignore"):
        return numbers.astype(dtype).astype(np.float64)


def _flat(data: Sequence[Any]) -> Iterator[Any]:
    """JSON data may be flat or nested as the shape."""
    for value in data:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _check_count(tensor: InputTensor, found: int, expected: int) -> None:
    if found != expected:
        raise FeaturesRefused(
            f"input {tensor.name!r}: shape {tensor.shape} has {expected} values, the data {found}"
        )
