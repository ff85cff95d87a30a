"""The part of a scenario that a path names."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi import HTTPException

Part = TypeVar("Part")


def of_scenario(parts: Mapping[str, Part], scenario: str) -> Part:
    """`parts[scenario]`; answers 404 with the names that exist when there is none."""
    try:
        return parts[scenario]
    except KeyError:
        names = ", ".join(sorted(parts)) or "none"
        raise HTTPException(
            404, f"there is no scenario {scenario!r} here; served are: {names}"
        ) from None
