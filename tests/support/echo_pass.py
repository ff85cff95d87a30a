"""A pass that answers records with themselves, or fails as their values ask for."""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from streaming.passes.batches import Batch
from streaming.passes.output import Output
from streaming.position.refusals import StateUnreadable

TOPIC = "echo"


@dataclass(frozen=True)
class EchoPass:
    """Each record becomes a message with its key and value.

    A header says which process answered, in a frame of how many records, and what it was told to be
    published. Values: `refuse`, `fail`, `die` and `sleep <seconds>` do what they say, `split` makes
    one table per record.
    """

    refuses_at_once: bool = False

    @classmethod
    def refusing(cls) -> "EchoPass":
        """One that refuses before the first record."""
        return cls(refuses_at_once=True)

    def prepare(self) -> None:
        """Refuse, if it was made for that."""
        if self.refuses_at_once:
            raise StateUnreadable("nothing can be read")

    def tables(self, batch: Batch) -> Iterator[pa.Table]:
        """The messages."""
        values = list(batch.records.values)
        about = {
            "pid": os.getpid(),
            "records": len(values),
            "published_upto": batch.published_upto,
            "first": batch.first,
            "after": batch.after,
        }
        headers = [("about", json.dumps(about))]
        output = Output()
        for key, value in zip(batch.records.keys, values, strict=True):
            self._obey(value or b"")
            output.add(TOPIC, key, value, headers)
            if value == b"split":
                yield output.table()
                output = Output()
        yield output.table()

    def _obey(self, value: bytes) -> None:
        match value.split():
            case [b"refuse"]:
                raise StateUnreadable("a state is damaged")
            case [b"fail"]:
                raise ValueError("the pass has a fault")
            case [b"die"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case [b"sleep", seconds]:
                time.sleep(float(seconds))
