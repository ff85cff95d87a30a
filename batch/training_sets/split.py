"""Which entities are held out from training: a stable hash decides, never a result."""

import hashlib

# Fixed before the first model was trained; another salt would be another held-out part.
SALT = b"everscore-split-1"


def is_held_out(entity: str, *, fraction: float) -> bool:
    """Whether `entity` belongs to the held-out `fraction` (0 to 1) of all entities."""
    digest = hashlib.blake2b(SALT + entity.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < fraction * 2.0**64
