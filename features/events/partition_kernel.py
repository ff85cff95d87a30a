"""Compiled hashes of record keys, as Kafka's clients compute them to place a record.

murmur2 is Kafka's own 32-bit variant (org.apache.kafka.common.utils.Utils.murmur2), CRC-32 the one
of zlib, which librdkafka's `consistent` partitioners use.
"""

from typing import Any

import numba
import numpy as np
from numba import types

# What is only read may come from bytes, which nobody may write.
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_U = np.uint32
_SEED, _M, _R = _U(0x9747B28C), _U(0x5BD1E995), _U(24)
_POSITIVE = _U(0x7FFFFFFF)
_ALL, _BYTE, _EIGHT = _U(0xFFFFFFFF), _U(0xFF), _U(8)


def crc_table() -> Any:
    """The 256 remainders of one byte, uint32: what the byte-wise CRC-32 looks up."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & _U(1), (table >> _U(1)) ^ _U(0xEDB88320), table >> _U(1))
    return table.astype(np.uint32)


@numba.njit(
    types.void(_BYTES, _INTS, types.int64, types.int64[::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def murmur2_partitions(content: Any, bounds: Any, partitions: int, result: Any) -> None:
    """Write the partitions of n keys into `result`; content, bounds (n + 1,): their bytes."""
    for row in range(result.shape[0]):
        at, end = bounds[row], bounds[row + 1]
        h = _U(_SEED ^ _U(end - at))
        while end - at >= 4:
            k = _U(content[np.uintp(at)])
            k |= _U(content[np.uintp(at + 1)]) << _EIGHT
            k |= _U(content[np.uintp(at + 2)]) << _U(16)
            k |= _U(content[np.uintp(at + 3)]) << _R
            k = _U(k * _M)
            k = _U(_U(k ^ (k >> _R)) * _M)
            h = _U(_U(h * _M) ^ k)
            at += 4
        if end - at >= 3:
            h ^= _U(content[np.uintp(at + 2)]) << _U(16)
        if end - at >= 2:
            h ^= _U(content[np.uintp(at + 1)]) << _EIGHT
        if end - at >= 1:
            h = _U(_U(h ^ _U(content[np.uintp(at)])) * _M)
        h = _U(_U(h ^ (h >> _U(13))) * _M)
        h = _U(h ^ (h >> _U(15)))
        result[row] = np.int64(h & _POSITIVE) % partitions


@numba.njit(
    types.void(_BYTES, _INTS, types.int64, types.uint32[::1], types.int64[::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def crc32_partitions(content: Any, bounds: Any, partitions: int, table: Any, result: Any) -> None:
    """Write the partition of each of n keys into `result`; table: of `crc_table`."""
    for row in range(result.shape[0]):
        crc = _ALL
        for at in range(bounds[row], bounds[row + 1]):
            low = _U(crc ^ _U(content[np.uintp(at)])) & _BYTE
            crc = _U((crc >> _EIGHT) ^ table[np.uintp(low)])
        result[row] = np.int64(_U(crc ^ _ALL)) % partitions
