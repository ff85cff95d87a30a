"""What lives in a Python worker between micro-batches, and the function that Spark calls.

Spark enters the function anew for every task and micro-batch; connections, compiled decoders and
loaded models must outlive that, so they are kept here, per settings, for the life of the process.
This is the one module-level cache of the project.
"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa

from scenarios.scenario import load_scenario
from stores.connection import Session
from stores.states import StateTable
from streaming.batches import batch_of
from streaming.models_in_use import ModelsInUse
from streaming.scoring_pass import ScoringPass
from streaming.settings import PassSettings

_passes: dict[str, ScoringPass] = {}


def pass_for(settings: PassSettings) -> ScoringPass:
    """This process's pass for `settings`, made on first use."""
    key = repr(settings)
    if key not in _passes:
        _passes.clear()  # settings change when a query restarts: the old pass is done with
        scenario = load_scenario(settings.scenario, settings.module)
        session = Session(settings.store, retry_seconds=settings.retry_seconds)
        models = ModelsInUse(settings, session, scenario.plan)
        table = StateTable(session, settings.scenario)
        _passes[key] = ScoringPass(settings, scenario, table, models)
    return _passes[key]


def score_batches(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings
) -> Iterator[pa.RecordBatch]:
    """The pass over the Arrow batches of one task, for `mapInArrow`."""
    scoring_pass = pass_for(settings)
    for arrow in batches:
        if arrow.num_rows:
            yield scoring_pass.process(batch_of(arrow))


def warm_up(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings, seconds: float
) -> Iterator[pa.RecordBatch]:
    """Make this worker ready without an event and pass its rows on.

    Each task stays for `seconds`, so that tasks that run together meet different workers.
    """
    pass_for(settings).prepare()
    time.sleep(seconds)
    yield from batches


def scoring_function(settings: PassSettings) -> Any:
    """`score_batches` bound to `settings`, picklable."""
    return partial(score_batches, settings=settings)
