"""Catch up, wait, catch up again; a service that is away is waited for."""

import time
from collections.abc import Callable

from stores.connection import StoreDown
from streaming.archiver import Archiver
from streaming.topics import KafkaDown

_LONGEST_PAUSE_SECONDS = 60.0


def archive_for_ever(
    archiver: Archiver,
    *,
    interval_seconds: float,
    log: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Archive every `interval_seconds`; ends by an exception only.

    While Kafka or HBase is away it tries again with growing pauses. Anything else ends the job:
    its tables say where the next start goes on.
    """
    faults = 0
    while True:
        began = time.monotonic()
        try:
            archiver.catch_up()
            faults = 0
        except (KafkaDown, StoreDown) as error:
            faults += 1
            archiver.forget_positions()
            log(f"{error}; trying again, nothing is lost")
        longest = max(interval_seconds, _LONGEST_PAUSE_SECONDS)
        pause = min(interval_seconds * 2**faults, longest)
        sleep(max(0.0, began + pause - time.monotonic()))
