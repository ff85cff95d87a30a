"""Steps of a long command: what is being done now, and afterwards how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def timed_step(words: str, console: Console) -> Iterator[None]:
    """Show `words` while the block runs, and when it has succeeded its seconds."""
    began = time.monotonic()
    with console.status(words):
        yield
    console.print(f"✔ {words} ({time.monotonic() - began:.0f} s)", highlight=False)
