"""Shares of the entities chosen by a stable hash: control groups, challengers, held-out sets."""

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
    keyed = blake2b(digest_size=8, key=salt.encode()[:64])
    digests = []
    for entity in entities:
        hasher = keyed.copy()  # the salt is hashed once
        hasher.update(entity.encode())
        digests.append(hasher.digest())
    is_member: npt.NDArray[np.bool_] = np.frombuffer(b"".join(digests), ">u8") / _WHOLE < share
    return is_member
