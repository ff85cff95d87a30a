"""Maintaining a second entity's features on a Python worker; the functions that Spark calls."""

import time
from collections.abc import Iterator

import pyarrow as pa

from scenarios.contract.keyed import load_keyed_entity
from stores.hbase.connection import Session
from stores.hbase.states import StateTable
from stores.records.homes import HomeTable
from stores.records.rekey_counts import RekeyCountTable
from streaming.passes.batches import batch_of, batches_of
from streaming.passes.homes import ClaimedHomes
from streaming.passes.joined_batches import joined
from streaming.passes.kind import PassKind
from streaming.passes.settings import PassSettings
from streaming.passes.worker_cache import cached
from streaming.position.fence import EpochFence
from streaming.position.gaps import gap_check
from streaming.position.refusals import refusals_travel
from streaming.second_entity.feature_pass import FeaturePass
from streaming.second_entity.rekey import Rekeyer
from streaming.second_entity.rekey_pass import RekeyPass, RekeySettings


def fold_batches(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings
) -> Iterator[pa.RecordBatch]:
    """The feature pass over the Arrow batches of one task, for `mapInArrow`."""
    with refusals_travel(settings.scenario):
        feature_pass = feature_pass_for(settings)
        for batch in batches_of(joined(batches, most_rows=settings.batch_rows)):
            yield from feature_pass.process(batch).to_batches()


def warm_up_folding(
    batches: Iterator[pa.RecordBatch], *, settings: PassSettings, seconds: float
) -> Iterator[pa.RecordBatch]:
    """Make this worker ready without an event; rows are passed on (streaming/scoring/worker.py)."""
    with refusals_travel(settings.scenario):
        feature_pass_for(settings).prepare()
    time.sleep(seconds)
    yield from batches


def rekey_batches(
    batches: Iterator[pa.RecordBatch], *, settings: RekeySettings
) -> Iterator[pa.RecordBatch]:
    """Re-key the Arrow batches of one task, records of one topic; for `mapInArrow`."""
    with refusals_travel(settings.name):
        rekey_pass = rekey_pass_for(settings)
        for arrow in batches:
            if arrow.num_rows:
                yield rekey_pass.process(arrow.column("topic")[0].as_py(), batch_of(arrow))


def feature_pass_for(settings: PassSettings) -> FeaturePass:
    """This process's pass for `settings`, made on first use."""

    def make() -> FeaturePass:
        session = Session(settings.store, retry_seconds=settings.retry_seconds)
        keyed = load_keyed_entity(settings.scenario, settings.module)
        fence = EpochFence(session, keyed.name, settings.epoch, settings.reread_seconds)
        table = StateTable(session, keyed.name, settings.regions or ())
        homes = ClaimedHomes(
            HomeTable(session, keyed.name), table, keyed.codec, epoch=settings.epoch
        )
        return FeaturePass(settings, keyed, table, fence, gap_check(settings), homes)

    return cached(f"folding {settings.scenario}", settings, make)


def rekey_pass_for(settings: RekeySettings) -> RekeyPass:
    """This process's re-keying for `settings`, made on first use."""

    def make() -> RekeyPass:
        session = Session(settings.store, retry_seconds=settings.retry_seconds)
        rekeyer = Rekeyer(
            load_keyed_entity(settings.name, settings.module),
            max_event_bytes=settings.max_event_bytes,
            max_future_skew_seconds=settings.max_future_skew_seconds,
        )
        counts = RekeyCountTable(session, settings.name)
        return RekeyPass(rekeyer, counts, generation=settings.generation, epochs=settings.epochs)

    return cached(f"re-keying {settings.name}", settings, make)


FOLDING = PassKind(
    name="folding", process=fold_batches, warm_up=warm_up_folding, opened=feature_pass_for
)
