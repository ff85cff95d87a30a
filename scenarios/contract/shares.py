"""Shares of entities or events chosen by a stable hash: control groups, challengers, samples."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

_WHOLE = float(1 << 64)


def position_in_share(entity: str, *, salt: str) -> float:
    """A number in [0, 1), fixed for `entity` and `salt`, uniform over entities (BLAKE2b)."""
    digest = blake2b(entity.encode(), digest_size=8, key=salt.encode()[:64]).digest()
    return int.from_bytes(digest, "big") / _WHOLE


def is_in_share(entity: str, share: float, *, salt: str) -> bool:
    """Whether `entity` belongs to the share (0 to 1) of the population named by `salt`."""
    return share > 0.0 and position_in_share(entity, salt=salt) < share


def in_share(entities: Sequence[str], share: float, *, salt: str) -> npt.NDArray[np.bool_]:
    """`is_in_share` of n entities, bool (n,); 0.5 µs each instead of 1."""
    if share <= 0.0 or not entities:
        return np.zeros(len(entities), dtype=np.bool_)
    is_member: npt.NDArray[np.bool_] = places_in_share(entities, salt=salt) < share
    return is_member


def places_in_share(entities: Sequence[str], *, salt: str) -> npt.NDArray[np.float64]:
    """`position_in_share` of n entities, float64 (n,)."""
    keyed = blake2b(digest_size=8, key=salt.encode()[:64])
    digests = []
    for entity in entities:
        hasher = keyed.copy()  # the salt is hashed once
        hasher.update(entity.encode())
        digests.append(hasher.digest())
    places: npt.NDArray[np.float64] = np.frombuffer(b"".join(digests), ">u8") / _WHOLE
    return places


def events_in_share(
    offsets: npt.NDArray[np.int64], share: float, *, salt: str
) -> npt.NDArray[np.bool_]:
    """Which of n events belong to the `share` (0 to 1) of them that `salt` names, bool (n,).

    salt: must name the partition, whose `offsets` (n,) these are. A hash of the event's position
    decides, so a replay repeats the choice. SplitMix64 (Steele, Lea and Flood 2014), a few ns an
    event where a keyed hash of the entity takes 500.
    """
    if share <= 0.0:
        return np.zeros(len(offsets), dtype=np.bool_)
    seed = np.frombuffer(blake2b(salt.encode(), digest_size=8).digest(), dtype="<u8")[0]
    with np.errstate(over="ignore"):
        mixed = seed + offsets.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    is_member: npt.NDArray[np.bool_] = mixed / float(1 << 64) < share
    return is_member
