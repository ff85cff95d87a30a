"""JSON texts of many floats: the fewest digits that read back as the same float."""

import msgspec
import numpy as np
import numpy.typing as npt

from streaming.messages.text_kernel import HARD, decimals_of

_encode = msgspec.json.Encoder().encode


def float_texts(
    numbers: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """For the kernel: decimals of each number, and bytes and bounds of the texts of hard ones.

    A number with few decimals is written by the kernel; the others, in order, by msgspec.
    """
    decimals = np.empty(numbers.shape, dtype=np.int8)
    flat = numbers.reshape(-1)
    decimals_of(flat, decimals.reshape(-1))
    encoded = _encode(flat[decimals.reshape(-1) == HARD].tolist())
    content = np.frombuffer(encoded, dtype=np.uint8)
    # Bounds are the places of the brackets and commas between the texts.
    bounds = np.flatnonzero((content == ord(",")) | (content == ord("[")) | (content == ord("]")))
    return decimals, content, bounds
