"""What a scenario's modules provide, looked up by name when a job asks for it."""

from importlib import import_module
from typing import Any


def provided(module: str, name: str) -> Any:
    """The value `name` of `module`; None when there is no such module, or none in it.

    An error inside the module is not the absence of one: it is raised as it is.
    """
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        # The module itself or a package above it; another one is an import that failed inside.
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            return None
        raise
    return getattr(loaded, name, None)
