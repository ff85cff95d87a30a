"""The scoring pass on a Python worker, and the functions that Spark calls."""

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from scenarios.contract.scenario import load_scenario
from stores.hbase.attachments import AttachmentPlace
from stores.hbase.connection import Session
from stores.hbase.states import StateTable
from stores.records.erasures import ErasuresInUse, ErasureTable
from stores.records.homes import HomeTable
from streaming.passes.batches import batches_of
from streaming.passes.homes import ClaimedHomes
from streaming.passes.joined_batches import ARROW_ROWS, joined
from streaming.passes.kind import PassKind
from streaming.passes.read_ahead import read_ahead
from streaming.passes.settings import PassSettings
from streaming.passes.worker_cache import cached
from streaming.position.gaps import gap_check
from streaming.position.refusals import refusals_travel
from streaming.recent.states import SharedMemory
from streaming.recent.table import RememberedTable
from streaming.scoring.models_in_use import ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import second_entity_reader

# A busy stream's batches; at 1,000 events/s a task has one batch of some fifty.
_MANY_ROWS = 1_000


def pass_for(settings: PassSettings) -> ScoringPass:
    """This process's pass for `settings`, made on first use."""

    def make() -> ScoringPass:
        scenario = load_scenario(settings.scenario, settings.module)
        session = Session(settings.store, retry_seconds=settings.retry_seconds)
        models = ModelsInUse(settings, session, scenario)
        stored = StateTable(session, settings.scenario, settings.regions or ())
        table = RememberedTable(stored, settings, shared_memory())
        second = second_entity_reader(scenario, session)
        homes = ClaimedHomes(
            HomeTable(session, settings.scenario), table, scenario.codec, epoch=settings.epoch
        )
        erasures = ErasuresInUse(ErasureTable(session, settings.scenario), settings.reread_seconds)
        are_empty = gap_check(settings)
        attachments = None
        if scenario.schema.attachments:
            attachments = AttachmentPlace(settings.store, settings.retry_seconds)
        return ScoringPass(
            settings, scenario, table, models, second, are_empty, homes, erasures, attachments
        )

    return cached(f"scoring {settings.scenario}", settings, make)


def shared_memory() -> SharedMemory:
    """The memory that this process shares with those that it forks, and with its parent."""
    return cached("shared memory", "", SharedMemory)


def score_batches(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings
) -> Iterator[pa.RecordBatch]:
    """The pass over the Arrow batches of one task, for `mapInArrow`."""
    with refusals_travel(settings.scenario):
        scoring_pass = pass_for(settings)
        at_once = joined(batches, most_rows=settings.batch_rows)
        ahead = read_ahead(at_once, pays=lambda batch: batch.num_rows >= _MANY_ROWS)
        for batch in batches_of(ahead):
            for table in scoring_pass.tables(batch):
                yield from table.to_batches(max_chunksize=ARROW_ROWS)


def warm_up(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings, seconds: float
) -> Iterator[pa.RecordBatch]:
    """Make this worker ready without an event and pass its rows on.

    Each task stays for `seconds`, so that tasks that run together meet different workers.
    """
    with refusals_travel(settings.scenario):
        pass_for(settings).prepare()
    time.sleep(seconds)
    yield from batches


SCORING = PassKind(name="scoring", process=score_batches, warm_up=warm_up, opened=pass_for)


def scoring_function(settings: PassSettings) -> Any:
    """`score_batches` bound to `settings`, picklable."""
    return SCORING.function(settings)
