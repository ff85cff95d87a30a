"""A replay of the same events in one thread and without a fault: what the stream must equal."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from features.events.decode import Records
from stores.hbase import states
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.hbase.tables import LATEST, STATE
from stores.records.deployments import read_deployment, write_deployment
from stores.records.epochs import write_epoch
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.position.gaps import Gaps
from streaming.scoring.models_in_use import ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.lane import EVENTS, Lane
from tests.support.output_messages import OutputMessages, messages_in, records_of

Cells = Mapping[bytes, Mapping[bytes, bytes]]


def undisturbed(lane: Lane, *, seed: int) -> OutputMessages:
    """Replay all events of the lane into its second store, in batches of other sizes."""
    epoch = lane.epoch()
    deployment = read_deployment(lane.store, "tiny")
    assert deployment is not None
    write_deployment(lane.undisturbed, deployment)
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=lane.undisturbed,
        epoch=epoch.epoch,
        first_offsets=dict(epoch.first_offsets),
        max_event_bytes=1_048_576,
        max_future_skew_seconds=300,
        retry_seconds=60,
    )
    session = Session(lane.undisturbed, retry_seconds=60.0)
    messages, gaps = OutputMessages(), Gaps(lane.kafka, EVENTS)
    try:
        write_epoch(session, "tiny", epoch)
        models = ModelsInUse(settings, session, SCENARIO)
        table, second = StateTable(session, "tiny"), SecondEntityReader(SCENARIO, [])
        scoring = ScoringPass(settings, SCENARIO, table, models, second, gaps.are_empty)
        random_ = random.Random(seed)
        for partition, records in records_of(lane.servers, EVENTS, lane.ends()).items():
            at = 0
            while at < len(records):
                size = random_.randint(1, 3_000)
                batch = batch_of_records(records[at : at + size], partition=partition)
                for message in messages_in(scoring.process(batch)):
                    messages.add(message)
                at += size
    finally:
        gaps.close()
        session.close()
    return messages


def batch_of_records(records: list[Any], *, partition: int) -> Batch:
    """Records of kafka-python as the pass takes them."""
    return Batch(
        Records(
            keys=[record.key for record in records],
            values=[record.value for record in records],
            offsets=np.array([record.offset for record in records]),
            timestamps_ms=np.array([record.timestamp for record in records]),
        ),
        partition,
    )


def newest_cells(store: HBaseStore) -> Cells:
    """Row key → the newest state and the latest row of every machine."""
    return states.newest_cells(store, "tiny")


def differences(actual: Cells, expected: Cells) -> dict[bytes, str]:
    """Row key → how its cells differ; empty when all are equal to the byte."""
    descriptions = {}
    for key in sorted(actual.keys() | expected.keys()):
        if key not in actual or key not in expected:
            descriptions[key] = "missing" if key not in actual else "not expected"
        elif actual[key] != expected[key]:
            columns = [c for c in (STATE, LATEST) if actual[key].get(c) != expected[key].get(c)]
            descriptions[key] = f"{columns}: {actual[key]} instead of {expected[key]}"
    return descriptions
