"""Compiled encoding of many rows as Thrift's binary protocol has them."""

from typing import Any

import numba
import numpy as np
from numba import types

# What is only read may come from bytes, which nobody may write.
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)


@numba.njit(cache=True, error_model="numpy")
def _put(out: Any, at: int, content: Any, begin: int, end: int) -> int:
    for i in range(begin, end):
        out[np.uintp(at)] = content[np.uintp(i)]
        at += 1
    return at


@numba.njit(cache=True, error_model="numpy")
def _put_size(out: Any, at: int, size: int) -> int:
    out[np.uintp(at)] = size >> 24 & 0xFF
    out[np.uintp(at + 1)] = size >> 16 & 0xFF
    out[np.uintp(at + 2)] = size >> 8 & 0xFF
    out[np.uintp(at + 3)] = size & 0xFF
    return at + 4


@numba.njit(cache=True, error_model="numpy")
def _put_key(out: Any, at: int, content: Any, begin: int, end: int, crcs: Any) -> int:
    """The row key of an entity: two hex digits of its CRC-32's low byte, a colon, the id."""
    crc = np.uint32(0xFFFFFFFF)
    for i in range(begin, end):
        crc = crcs[(crc ^ np.uint32(content[np.uintp(i)])) & np.uint32(0xFF)] ^ (
            crc >> np.uint32(8)
        )
    low = np.int64(~crc & np.uint32(0xFF))
    high, low = low >> 4, low & 15
    out[np.uintp(at)] = high + (48 if high < 10 else 87)
    out[np.uintp(at + 1)] = low + (48 if low < 10 else 87)
    out[np.uintp(at + 2)] = 58  # ":"
    return _put(out, at + 3, content, begin, end)


@numba.njit(
    types.int64(
        *(_BYTES, _INTS, _BYTES, _INTS, _BYTES, _INTS),
        types.Array(types.boolean, 1, "C", readonly=True),
        *(_BYTES, _INTS, types.Array(types.uint32, 1, "C", readonly=True), types.uint8[::1]),
    ),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def encode_rows(
    ids: Any,
    id_bounds: Any,
    states: Any,
    state_bounds: Any,
    latest: Any,
    latest_bounds: Any,
    has_latest: Any,
    frames: Any,
    frame_bounds: Any,
    crcs: Any,
    out: Any,
) -> int:
    """Encode n rows as BatchMutation structs into `out`; returns how many bytes were written.

    ids, states, latest  bytes of the entities' ids, states and latest rows, with bounds (n + 1,)
    has_latest (n,)      whether the row is written, too
    frames               what stands around the variable parts: before the key's length, before
                         the mutations' count, before a state's and a row's length, after a value,
                         after the mutations
    crcs uint32 (256,)   table of CRC-32
    """
    at = 0
    for row in range(id_bounds.shape[0] - 1):
        begin, end = id_bounds[row], id_bounds[row + 1]
        at = _put(out, at, frames, frame_bounds[0], frame_bounds[1])
        at = _put_size(out, at, end - begin + 3)
        at = _put_key(out, at, ids, begin, end, crcs)
        at = _put(out, at, frames, frame_bounds[1], frame_bounds[2])
        at = _put_size(out, at, 2 if has_latest[row] else 1)
        begin, end = state_bounds[row], state_bounds[row + 1]
        at = _put(out, at, frames, frame_bounds[2], frame_bounds[3])
        at = _put_size(out, at, end - begin)
        at = _put(out, at, states, begin, end)
        at = _put(out, at, frames, frame_bounds[4], frame_bounds[5])
        if has_latest[row]:
            begin, end = latest_bounds[row], latest_bounds[row + 1]
            at = _put(out, at, frames, frame_bounds[3], frame_bounds[4])
            at = _put_size(out, at, end - begin)
            at = _put(out, at, latest, begin, end)
            at = _put(out, at, frames, frame_bounds[4], frame_bounds[5])
        out[np.uintp(at)] = 0  # end of the BatchMutation
        at += 1
    return at
