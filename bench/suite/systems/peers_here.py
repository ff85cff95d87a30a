"""Which peers can be started on this machine; why the others cannot."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.suite.systems.catalogue import RECIPES, STREAMS, System


def systems_here(
    names: Sequence[str], python_of: Callable[[str], Path]
) -> tuple[Mapping[str, System], Mapping[str, str]]:
    """Name → system, and name → the reason for which it is absent.

    python_of: program → the interpreter of its environment, made when needed.
    """
    systems: dict[str, System] = {}
    absent: dict[str, str] = {}
    recipe_of = {recipe.name: recipe for recipe in RECIPES}
    stream_of = {stream.name: stream for stream in STREAMS}
    for name in names:
        if name in stream_of:
            systems[name] = stream_of[name]
            continue
        recipe = recipe_of[name]
        try:
            systems[name] = recipe.made(python_of(recipe.program))
        except (OSError, RuntimeError, ImportError) as error:
            absent[name] = f"{type(error).__name__}: {error}"
    return systems, absent
