"""Kafka positions as HBase timestamps, so that a cell says which event wrote it.

stamp = (epoch << 44) + offset: 2^44 offsets per partition and epoch, 2^19 epochs in a signed
64-bit timestamp. Never a clock; comparable within one entity because its events are in one
partition per epoch.
"""

OFFSET_BITS = 44
MAX_OFFSET = (1 << OFFSET_BITS) - 1
FIRST_EPOCH = 1


def stamp(epoch: int, offset: int) -> int:
    """The timestamp of position `offset` in `epoch`; raises `ValueError` outside their ranges."""
    if not 0 <= offset <= MAX_OFFSET or not 0 <= epoch < (1 << 19):
        raise ValueError(f"epoch {epoch}, offset {offset} do not fit a 64-bit stamp")
    return (epoch << OFFSET_BITS) + offset


def epoch_of(position: int) -> int:
    """The epoch of a stamp."""
    return position >> OFFSET_BITS


def offset_of(position: int) -> int:
    """The Kafka offset of a stamp."""
    return position & MAX_OFFSET
