"""Shares of the entities chosen by a stable hash: control groups, challengers, held-out sets."""

from hashlib import blake2b

_WHOLE = float(1 << 64)


def position_in_share(entity: str, *, salt: str) -> float:
    """A number in [0, 1), fixed for `entity` and `salt`, uniform over entities (BLAKE2b)."""
    digest = blake2b(entity.encode(), digest_size=8, key=salt.encode()[:64]).digest()
    return int.from_bytes(digest, "big") / _WHOLE


def is_in_share(entity: str, share: float, *, salt: str) -> bool:
    """Whether `entity` belongs to the share (0 to 1) of the population named by `salt`."""
    return share > 0.0 and position_in_share(entity, salt=salt) < share
