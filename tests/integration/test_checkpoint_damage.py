"""Every file of a real stream's checkpoint, damaged in every way: the stream goes on from a batch's
end that is no later than before, and Spark itself accepts the checkpoint.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic
from pyspark.sql import SparkSession

from local.endpoints import Endpoints
from local.maven.jars import jar_files
from stores.delta.files import HadoopFiles
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import Marker, StateTable
from stores.kafka.cluster import KafkaCluster
from stores.records.epochs import EpochRecord
from stores.records.losses import LossBook, LossFiles
from streaming.position.checkpoints import Checkpoints, Generation
from streaming.position.resume import generation_to_run
from streaming.position.retention import Losses
from streaming.position.spark_checkpoint import saved_progress
from tests.support.processes import wait_until

EVENTS, OUT = "tiny.events", "tiny.scratch"
BATCHES = 5
PER_BATCH = 4
FIRST = {0: 0, 1: 0}
TRUTH = {0: BATCHES * PER_BATCH, 1: BATCHES * PER_BATCH}


@dataclass(frozen=True)
class Saved:
    """A checkpoint that a real query left behind, and the store with the markers of its batches."""

    root: Path
    spark: SparkSession
    servers: str
    table: StateTable
    record: EpochRecord

    def place(self, root: Path, log: Callable[[str], None] = print) -> Generation:
        """The generation to run in a copy of the checkpoint."""
        checkpoints = Checkpoints(HadoopFiles(self.spark), str(root), "tiny", 1)
        files = LossFiles(HadoopFiles(self.spark), str(root / "losses"))
        book = LossBook(self.table.session, "tiny", files, "a test")
        return generation_to_run(
            checkpoints,
            self.table,
            self.record,
            held=dict.fromkeys(FIRST, (0, 1_000_000)),
            losses=Losses("tiny", book, log, "nothing"),
            replay_from=None,
            log=log,
        )


def query_of(spark: SparkSession, servers: str, generation: Generation) -> Any:
    """A query with the source, the sink and the checkpoint of the stream's own."""
    starts = ",".join(f'"{partition}":{at}' for partition, at in generation.start.items())
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("subscribe", EVENTS)
        .option("startingOffsets", f'{{"{EVENTS}":{{{starts}}}}}')
        .load()
        .selectExpr("key", "value", f"'{OUT}' AS topic")
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("checkpointLocation", generation.checkpoint)
        .option("asyncProgressTrackingEnabled", "true")
        .option("asyncProgressTrackingCheckpointIntervalMs", 0)
        .trigger(processingTime="0 seconds")
        .start()
    )


def publish(servers: str, partitions: Collection[int] = FIRST.keys()) -> None:
    """A batch's records, as many in each of these partitions."""
    producer = KafkaProducer(bootstrap_servers=servers)
    for number in range(PER_BATCH):
        for partition in partitions:
            producer.send(EVENTS, value=b"%d" % number, partition=partition)
    producer.close()


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """A session with Kafka's classes."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.jars", ",".join(str(jar) for jar in jar_files("spark")))
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="module")
def saved(
    platform: Endpoints,
    spark: SparkSession,
    new_store: Callable[[], HBaseStore],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Saved]:
    """What a query of five batches has left, and its markers."""
    servers, root = platform.kafka_bootstrap_servers, tmp_path_factory.mktemp("damage")
    kafka = KafkaCluster(servers, timeout_seconds=30.0)
    with kafka.admin() as admin:
        present = [name for name in (EVENTS, OUT) if name in admin.list_topics()]
        if present:
            admin.delete_topics(present)
        wait_until(
            lambda: not set(present) & set(admin.list_topics()), timeout=60.0, what="deletion"
        )
        admin.create_topics([NewTopic(EVENTS, 2, 1), NewTopic(OUT, 2, 1)])
    checkpoints = Checkpoints(HadoopFiles(spark), str(root), "tiny", 1)
    generation = checkpoints.begin(FIRST)
    query = query_of(spark, servers, generation)
    logged = Path(generation.checkpoint)
    at = dict(FIRST)
    for batch in range(BATCHES):
        # In one batch the partitions end at different offsets.
        for partitions in [[0], [1]] if batch == BATCHES - 2 else [[0, 1]]:
            publish(servers, partitions)
            at |= {partition: at[partition] + PER_BATCH for partition in partitions}
            wait_until(
                lambda: checkpoints.place(EVENTS).offsets == at,  # noqa: B023
                timeout=90.0,
                what=f"batch {batch}: {query.exception() or sorted(logged.glob('*/*'))}",
            )
    query.stop()
    session = Session(new_store(), retry_seconds=20.0)
    table = StateTable(session, "tiny")
    for partition, ends in batch_ends(checkpoints, generation).items():
        for end in ends:
            marker = Marker(partition=partition, epoch=1, offset=end - 1)
            table.write_marker(marker, position=marker.position)
    record = EpochRecord(
        epoch=1,
        topic=EVENTS,
        topic_id="some id",
        partitions=2,
        first_offsets=FIRST,
        reason="a test",
        begun_at="",
        regions=(),
    )
    yield Saved(root, spark, servers, table, record)
    session.close()


def batch_ends(checkpoints: Checkpoints, generation: Generation) -> dict[int, list[int]]:
    """Partition → where batches ended in it, the epoch's first offset included.

    On a busy machine Spark may see the records of one partition before those of the other; the
    partitions then end at different offsets.
    """
    folder = Path(generation.checkpoint) / "offsets"
    entries = [
        json.loads(path.read_text().splitlines()[-1])[EVENTS] for path in folder.glob("[0-9]*")
    ]
    return {p: sorted({first, *(entry[str(p)] for entry in entries)}) for p, first in FIRST.items()}


def deleted(file: Path, older: Path) -> None:
    """It is not there."""
    file.unlink()


def emptied(file: Path, older: Path) -> None:
    """It has no byte."""
    file.write_bytes(b"")


def halved(file: Path, older: Path) -> None:
    """Its second half is missing."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def bit_flipped(file: Path, older: Path) -> None:
    """One bit in its middle is another."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(bytes(content))


def older_copy(file: Path, older: Path) -> None:
    """It is as the file before it in its folder was, its checksums included."""
    file.write_bytes(older.read_bytes())
    sums, older_sums = (path.with_name(f".{path.name}.crc") for path in (file, older))
    if sums.exists() and older_sums.exists():
        sums.write_bytes(older_sums.read_bytes())


DAMAGES = (deleted, emptied, halved, bit_flipped, older_copy)
Damage = Callable[[Path, Path], None]


def files_of(root: Path) -> list[str]:
    """Every file, checksums included, relative to the root."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def before(file: Path) -> Path:
    """The file of the same kind before `file` in its folder; itself where there is none."""
    same = [path for path in file.parent.iterdir() if path.is_file() and is_like(path, file)]
    return max((path for path in sorted(same) if path.name < file.name), default=file)


def is_like(file: Path, other: Path) -> bool:
    """Whether both are entries, or both checksums of entries."""
    return file.suffix == other.suffix and file.name.strip(".")[0].isdecimal()


def copy(saved: Saved, folder: Path) -> Path:
    """A copy that may be damaged."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(saved.root, folder)
    return folder


def test_whatever_is_damaged_the_stream_goes_on_at_a_batch_end_and_not_later_than_it_was(
    saved: Saved, tmp_path: Path
) -> None:
    ends = batch_ends(
        Checkpoints(HadoopFiles(saved.spark), str(saved.root), "tiny", 1),
        saved.place(copy(saved, tmp_path / "whole")),
    )
    harmless: dict[str, list[str]] = {damage.__name__: [] for damage in DAMAGES}
    noticed = 0
    for damage in DAMAGES:
        for name in files_of(saved.root):
            root = copy(saved, tmp_path / "copy")
            lines: list[str] = []
            damage(root / name, before(saved.root / name))
            generation = saved.place(root, lines.append)
            what = f"{damage.__name__} {name}: {lines}"
            if generation.number == 1:
                harmless[damage.__name__].append(name)
                progress = saved_progress(HadoopFiles(saved.spark), generation.checkpoint)
                assert not progress.damage, what
                at = {**generation.start, **(progress.ends or {}).get(EVENTS, {})}
            else:
                noticed += 1
                at = dict(generation.start)
                assert any("cannot be read" in line for line in lines), what
                assert not Path(generation.checkpoint).exists(), what
            assert set(at) == set(FIRST), what
            assert all(at[p] <= TRUTH[p] and at[p] in ends[p] for p in FIRST), f"{what}: {at}"
            # One damaged entry takes the stream back by two batches at most.
            assert min(at.values()) >= TRUTH[0] - 2 * PER_BATCH, f"{what}: {at}"
    assert noticed > 2 * len(DAMAGES)
    for damage in DAMAGES:
        check_spark_goes_on(saved, tmp_path / "all", damage, harmless[damage.__name__])


def check_spark_goes_on(saved: Saved, folder: Path, damage: Damage, names: list[str]) -> None:
    """Spark starts in a checkpoint in which all of `names`, which it does not need, are damaged."""
    root = copy(saved, folder)
    for name in names:
        if (root / name).exists():
            damage(root / name, before(saved.root / name))
    generation = saved.place(root)
    query = query_of(saved.spark, saved.servers, generation)
    publish(saved.servers)
    try:
        wait_until(
            lambda: query.exception() is not None or bool(query.lastProgress),
            timeout=60.0,
            what=f"progress after {damage.__name__}",
        )
        assert query.exception() is None, f"{damage.__name__} {names}: {query.exception()}"
    finally:
        query.stop()


def test_without_any_file_the_markers_say_where_to_go_on(saved: Saved, tmp_path: Path) -> None:
    lines: list[str] = []
    generation = saved.place(tmp_path / "nothing", lines.append)
    assert dict(generation.start) == FIRST  # fewer batches than a trigger may have had
