"""Machines with a reading each, whose outcomes follow."""

from collections.abc import Callable

import msgspec
import numpy as np

from tests.support.lane import Lane
from tests.support.tiny_load import producer, publish
from tests.support.tiny_model import reading


def publish_outcomes(
    lane: Lane,
    *,
    prefix: str,
    machines: int,
    seed: int,
    before_labels: Callable[[], object] = lambda: None,
) -> None:
    """Readings of new machines and then whether they failed: hot ones, more often than not."""
    random = np.random.default_rng(seed)
    temperatures = random.normal(70.0, 30.0, machines).clip(-50.0, 250.0)
    failed = temperatures + random.normal(0.0, 20.0, machines) > 85.0
    names = [f"{prefix}:{number}" for number in range(machines)]
    publish(
        lane.servers,
        [
            (name.encode(), reading(name, seconds=60.0, temperature_c=float(value)))
            for name, value in zip(names, temperatures.tolist(), strict=True)
        ],
    )
    before_labels()
    client = producer(lane.servers)
    for name, has_failed in zip(names, failed.tolist(), strict=True):
        outcome = {
            "type": "outcome",
            "machine": name,
            "event_time": "2026-02-01T00:00:00Z",
            "outcome": "failed" if has_failed else "fine",
        }
        client.send("tiny.labels", key=name.encode(), value=msgspec.json.encode(outcome))
    client.flush(timeout=60)
    client.close(timeout=30)
