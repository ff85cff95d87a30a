"""The offline fold refuses what the stream refused for its partition: states are equal.

Without Spark: the records are sorted and placed here as `batch.records.archived` does it there.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from threadpoolctl import threadpool_limits

from batch.rebuild.states import StateTask
from batch.records.limits import EventLimits
from batch.training_sets.event_features import FoldTask
from features.events.partitioners import CRC32, CUSTOM, MURMUR2
from features.events.reasons import WRONG_PARTITION
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_archive import Row, TinyArchive, tiny_archive

LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)


@pytest.fixture(params=[MURMUR2, CRC32, CUSTOM])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TinyArchive]:
    with threadpool_limits(limits=1):
        yield tiny_archive(tmp_path / "1", partitioner=request.param, foreign_share=0.2)


def scored_epoch(archive: TinyArchive, row: Row) -> int:
    return next(
        start.epoch
        for start in archive.starts
        if start.topic_id == row.topic_id and row.offset >= start.first_offsets[row.partition]
    )


def folded_epoch(archive: TinyArchive, row: Row) -> int:
    """The epoch that records are ordered by: a recorded home may move with the epoch."""
    return scored_epoch(archive, row) if archive.partitioner == CUSTOM else row.epoch


def homes(archive: TinyArchive) -> dict[tuple[bytes | None, int], int]:
    recorded_homes = {}
    for row in archive.dead_letters:
        headers = {header["key"]: header["value"].decode() for header in row.headers or ()}
        if headers["reason_code"] == WRONG_PARTITION:
            recorded_homes[row.key, int(headers["source_epoch"])] = int(headers["home_partition"])
    return recorded_homes


def batches(archive: TinyArchive, *, rows_each: int) -> Iterator[pa.RecordBatch]:
    recorded = homes(archive)
    rows = sorted(
        archive.events, key=lambda row: (folded_epoch(archive, row), row.partition, row.offset)
    )
    for begin in range(0, len(rows), rows_each):
        part = rows[begin : begin + rows_each]
        yield pa.RecordBatch.from_pydict(
            {
                "key": pa.array([row.key for row in part], pa.binary()),
                "value": pa.array([row.value for row in part], pa.binary()),
                "partition": pa.array([row.partition for row in part], pa.int32()),
                "offset": pa.array([row.offset for row in part], pa.int64()),
                "timestamp": pa.array([row.time for row in part], pa.timestamp("us", "UTC")),
                "epoch": pa.array([folded_epoch(archive, row) for row in part], pa.int32()),
                "partitions": pa.array([2] * len(part), pa.int32()),
                "partitioner": pa.array([archive.partitioner] * len(part)),
                "home": pa.array(
                    [recorded.get((row.key, scored_epoch(archive, row)), -1) for row in part],
                    pa.int32(),
                ),
            }
        )


@pytest.mark.parametrize("rows_each", [7, 1_000])
def test_states_and_refusals_are_those_of_the_stream_however_batches_are_cut(
    archive: TinyArchive, rows_each: int
) -> None:
    task = StateTask(SCENARIO.schema, SCENARIO.codec, LIMITS)
    states = {
        row["entity"]: row["cell"]
        for batch in task(batches(archive, rows_each=rows_each))
        for row in batch.to_pylist()
    }
    assert states == {entity: max(cells)[1] for entity, cells in archive.table.states.items()}

    fold = FoldTask(SCENARIO.schema, SCENARIO.codec, LIMITS)
    refusals = [
        row["refusal"]
        for batch in fold(batches(archive, rows_each=rows_each))
        for row in batch.to_pylist()
        if row["refusal"]
    ]
    reason_codes = [
        header["value"].decode()
        for row in archive.dead_letters
        for header in row.headers or ()
        if header["key"] == "reason_code"
    ]
    assert sorted(refusals) == sorted(reason_codes)
    assert reason_codes.count(WRONG_PARTITION) > 20
