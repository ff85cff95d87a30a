"""Options of streams: offsets as people type them, and the one that accepts a loss."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from typer import Option

AcceptLossOption = Annotated[
    bool,
    Option(
        "--accept-loss",
        help="Go on without events that Kafka no longer holds, and record which those are.",
    ),
]


class OffsetsUnreadable(ValueError):
    """Offsets are not written as partition:offset[,partition:offset]."""

    exit_code = 2


def offsets_of(text: str | None) -> Mapping[int, int] | None:
    """`"0:1200,1:900"` as {0: 1200, 1: 900}; None stays None. Raises `OffsetsUnreadable`."""
    if text is None:
        return None
    try:
        pairs = [part.split(":") for part in text.split(",")]
        offsets = {int(partition): int(offset) for partition, offset in pairs}
    except ValueError:
        offsets = {}
    if not offsets or any(n < 0 for pair in offsets.items() for n in pair):
        raise OffsetsUnreadable(f"{text!r} is not partition:offset[,partition:offset], as in 0:120")
    return offsets


def positions_of(text: str | None) -> Mapping[int, Sequence[int]]:
    """`"0:1200,0:1201,1:9"` as {0: [1200, 1201], 1: [9]}; None gives nothing.

    Raises `OffsetsUnreadable`.
    """
    positions: dict[int, list[int]] = {}
    for part in text.split(",") if text else ():
        for partition, offset in (offsets_of(part) or {}).items():
            positions.setdefault(partition, []).append(offset)
    return positions
