"""Compiled lookups in a ring of recent states: keys and cells, oldest overwritten first."""

from typing import Any

import numba
import numpy as np
from numba import types

# What is only read may come from bytes, which nobody may write.
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_LANE = (types.int64[::1], types.int64[:, ::1], types.uint8[::1])

# An entry is found in one of so many places, or not at all.
PROBES = 8
# Header of a lane, int64: owner, position of the last batch, bytes ever written to the ring.
OWNER, POSITION, HEAD = range(3)
HEADER = 8
_FNV_START, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_SIZES = 8  # bytes of an entry before its key: sizes of key and cell


@numba.njit(cache=True, error_model="numpy")
def _hash(content: Any, begin: int, end: int) -> Any:
    """FNV-1a, mixed once more, as a number that is not negative."""
    hash_value = _FNV_START
    for i in range(begin, end):
        hash_value = (hash_value ^ np.uint64(content[i])) * _FNV_PRIME
    hash_value ^= hash_value >> np.uint64(29)
    return np.int64(hash_value >> np.uint64(1))


@numba.njit(cache=True, error_model="numpy")
def _read_size(ring: Any, at: int) -> Any:
    size = np.int64(0)
    for i in range(at + 3, at - 1, -1):
        size = size * 256 + np.int64(ring[np.uintp(i)])
    return size


@numba.njit(cache=True, error_model="numpy")
def _write_size(ring: Any, at: int, size: int) -> None:
    for i in range(at, at + 4):
        ring[np.uintp(i)] = size & 0xFF
        size >>= 8


@numba.njit(cache=True, error_model="numpy")
def _is_key(ring: Any, at: int, content: Any, begin: int, end: int) -> bool:
    if _read_size(ring, at) != end - begin:
        return False
    same = True
    for i in range(end - begin):
        same &= ring[np.uintp(at + _SIZES + i)] == content[begin + i]
    return same


@numba.njit(
    types.void(_BYTES, _INTS, *_LANE, types.int64[::1], types.int64[::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def find_states(
    ids: Any, bounds: Any, header: Any, index: Any, ring: Any, begins: Any, sizes: Any
) -> None:
    """For n ids where their cells begin in `ring`, and their sizes; -1 and 0 for unknown ones.

    ids, bounds (n + 1,)  bytes of the ids; header (8,); index int64 (b, 2): hash and place in the
    ring's whole history, b a power of 2; ring uint8 (r,)
    """
    mask = index.shape[0] - 1
    oldest = header[HEAD] - ring.shape[0]
    for row in range(begins.shape[0]):
        begins[row], sizes[row] = -1, 0
        key = _hash(ids, bounds[row], bounds[row + 1])
        for probe in range(PROBES):
            slot = (key + probe) & mask
            place = index[slot, 1]
            if index[slot, 0] != key or place < oldest or place < 0:
                continue
            at = place % ring.shape[0]
            if _is_key(ring, at, ids, bounds[row], bounds[row + 1]):
                begins[row] = at + _SIZES + bounds[row + 1] - bounds[row]
                sizes[row] = _read_size(ring, at + 4)
                break


@numba.njit(
    types.void(_BYTES, _INTS, _BYTES, _INTS, *_LANE),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def keep_states(
    ids: Any, bounds: Any, cells: Any, cell_bounds: Any, header: Any, index: Any, ring: Any
) -> None:
    """Keep the cells of n ids; what is too large for the ring's quarter is forgotten.

    A cell that keeps its size stays where it is, so the ring fills with entities, not with writes.
    """
    mask = index.shape[0] - 1
    room = ring.shape[0]
    for row in range(bounds.shape[0] - 1):
        key = _hash(ids, bounds[row], bounds[row + 1])
        target = -1
        for probe in range(PROBES):
            slot = (key + probe) & mask
            place = index[slot, 1]
            is_live = place >= 0 and place >= header[HEAD] - room
            if not is_live or index[slot, 0] != key:
                continue
            if _is_key(ring, place % room, ids, bounds[row], bounds[row + 1]):
                target = slot
                break
        key_size = bounds[row + 1] - bounds[row]
        cell_size = cell_bounds[row + 1] - cell_bounds[row]
        if target >= 0 and _read_size(ring, index[target, 1] % room + 4) == cell_size:
            at = index[target, 1] % room + _SIZES + key_size
            for i in range(cell_size):
                ring[np.uintp(at + i)] = cells[cell_bounds[row] + i]
            continue
        if target < 0:  # the place that was written longest ago, or never
            target = key & mask
            for probe in range(1, PROBES):
                slot = (key + probe) & mask
                if index[slot, 1] < index[target, 1]:
                    target = slot
        size = _SIZES + key_size + cell_size
        if size > room // 4:
            index[target, 1] = -1
            continue
        if header[HEAD] % room + size > room:  # an entry lies in one piece
            header[HEAD] += room - header[HEAD] % room
        at = header[HEAD] % room
        index[target, 0], index[target, 1] = key, header[HEAD]
        header[HEAD] += size
        _write_size(ring, at, key_size)
        _write_size(ring, at + 4, cell_size)
        at += _SIZES
        for i in range(bounds[row], bounds[row + 1]):
            ring[np.uintp(at)] = ids[np.uintp(i)]
            at += 1
        for i in range(cell_bounds[row], cell_bounds[row + 1]):
            ring[np.uintp(at)] = cells[np.uintp(i)]
            at += 1


@numba.njit(
    types.void(_BYTES, _INTS, _INTS, types.uint8[::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def gather(ring: Any, begins: Any, sizes: Any, out: Any) -> None:
    """Copy n cells out of the ring, one after the other."""
    at = 0
    for row in range(begins.shape[0]):
        for i in range(begins[row], begins[row] + sizes[row]):
            out[at] = ring[np.uintp(i)]
            at += 1
