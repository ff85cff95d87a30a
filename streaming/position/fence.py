"""Stops a pass of an older epoch: asks once in a while which epoch has begun."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from stores.hbase.connection import Session
from stores.records.control import read_control
from stores.records.epochs import epoch_in
from streaming.position.refusals import EpochChanged


@dataclass
class EpochFence:
    """Follows the epoch record of the stream `name`; reads it at most every `reread_seconds`."""

    session: Session
    name: str
    epoch: int
    reread_seconds: float
    clock: Callable[[], float] = time.monotonic
    _read_at: float = float("-inf")

    def check(self) -> None:
        """Raise `EpochChanged` when a newer epoch than `epoch` has begun."""
        now = self.clock()
        if now - self._read_at < self.reread_seconds:
            return
        record = epoch_in(read_control(self.session, self.name).epoch)
        self._read_at = now
        if record is not None and record.epoch > self.epoch:
            raise EpochChanged(
                f"epoch {record.epoch} of {self.name} began ({record.reason}) while this stream "
                f"runs in epoch {self.epoch}: stop it and start it again"
            )
