"""What a Python worker caches between micro-batches: the one module-level cache of the project.

Spark calls our functions again for every task and micro-batch; connections, compiled decoders and
loaded models must outlive that, so they are cached here for the life of the process.
"""

from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")

# Name → the settings that the value was made with, and the value. Settings change when a query
# restarts: the new value replaces the old one.
_cache: dict[str, tuple[str, Any]] = {}


def cached(name: str, settings: object, make: Callable[[], Value]) -> Value:
    """This process's value of `name` for `settings`, made on first use."""
    cached_settings, cached_value = _cache.get(name, ("", None))
    if cached_settings != repr(settings):
        cached_value = make()
        _cache[name] = (repr(settings), cached_value)
    value: Value = cached_value
    return value
