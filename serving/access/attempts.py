"""Wrong keys of one client, counted for a minute: guessing becomes slow, for that client only."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class WrongAttempts:
    """How many wrong keys each client showed within `window_seconds`.

    limit    beyond so many a further wrong key is answered with 429; a right one always works
    clients  most clients that are remembered; the one that was quiet longest is forgotten
    """

    limit: int = 10
    window_seconds: float = 60.0
    clients: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _counts: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict, init=False)

    def add(self, client: str) -> int:
        """Count one; returns after how many seconds the client may try again, 0 for at once."""
        now = self.clock()
        began, count = self._counts.pop(client, (now, 0))
        if now - began >= self.window_seconds:
            began, count = now, 0
        self._counts[client] = (began, count + 1)
        while len(self._counts) > self.clients:
            self._counts.popitem(last=False)
        if count + 1 <= self.limit:
            return 0
        return max(1, math.ceil(began + self.window_seconds - now))
