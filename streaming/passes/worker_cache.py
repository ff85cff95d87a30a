"""What a Python worker keeps between micro-batches: the one module-level cache of the project.

Spark enters our functions anew for every task and micro-batch; connections, compiled decoders and
loaded models must outlive that, so they are kept here for the life of the process.
"""

from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made")

# What → the settings that it was made with, and it. Settings change when a query restarts: what
# was made with the old ones is done with.
_kept: dict[str, tuple[str, Any]] = {}


def kept(what: str, settings: object, make: Callable[[], Made]) -> Made:
    """This process's `what` for `settings`, made on first use."""
    known, found = _kept.get(what, ("", None))
    if known != repr(settings):
        found = make()
        _kept[what] = (repr(settings), found)
    made: Made = found
    return made
