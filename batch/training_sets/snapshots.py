"""Training snapshots: each build is one Delta table that nothing but an erasure ever changes."""

import msgspec
from pyspark.sql import DataFrame, SparkSession

from batch.training_sets.training_set import TrainingSet, training_set_of
from scenarios.contract.scenario import Scenario
from stores.delta.files import HadoopFiles
from stores.delta.tables import DeltaPlace, TableAbsent, commits, is_table, read_table

FOLDER = "training_sets"
MADE_BY = "build_training_set"


class OtherDefinitions(RuntimeError):
    """The snapshot's features were defined otherwise than this code's."""

    exit_code = 4


class SnapshotRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a build records about its rows, in the note of the table's first commit.

    as_of               what was known when, UTC, ISO 8601
    events_version, labels_version   versions of the archive tables that it was built from
    rows_digest         `TrainingSet.digest`
    counts              records read, refused and used
    acted_on            what became of rows of customers that were acted on (training_sets/acted_on)
    labels_from         the labels topic, or reviews (training_sets/reviewed)
    """

    scenario: str
    number: int
    path: str
    as_of: str
    events_version: int
    labels_version: int
    definitions_digest: str
    feature_names: tuple[str, ...]
    test_fraction: float
    rows: int
    rows_digest: str
    counts: dict[str, int]
    created_at: str
    git_commit: str
    version: int = 0
    acted_on: str = "keep"
    labels_from: str = "labels"


def snapshot_numbers(spark: SparkSession, place: DeltaPlace) -> list[int]:
    """Numbers of the finished snapshots, rising; those of killed builds are not among them."""
    return [folder for folder in _folders(spark, place) if is_table(spark, path_of(place, folder))]


def next_number(spark: SparkSession, place: DeltaPlace) -> int:
    """A number that no build has used yet, finished or not."""
    return max(_folders(spark, place), default=0) + 1


def path_of(place: DeltaPlace, number: int) -> str:
    """The folder of snapshot `number`."""
    return place.path(FOLDER, f"{number:06d}")


def read_record(
    spark: SparkSession, place: DeltaPlace, number: int | None = None
) -> SnapshotRecord:
    """The record of snapshot `number`, by default the newest.

    Raises `TableAbsent` naming those that exist; a half-written one is said to be so.
    """
    numbers = snapshot_numbers(spark, place)
    if number is None and numbers:
        number = numbers[-1]
    if number not in numbers:
        wanted = "no finished training snapshot" if number is None else _no_such(number)
        raise TableAbsent(
            f"there is {wanted} in {place.path(FOLDER)}; finished are {numbers}: run "
            f"./spark-submit.sh {MADE_BY} --scenario {place.scenario}"
        )
    return record_at(spark, path_of(place, number))


def record_at(spark: SparkSession, path: str) -> SnapshotRecord:
    """The record of the snapshot at `path`; raises `TableAbsent`."""
    first = commits(spark, path, made_by=MADE_BY)[-1]
    return msgspec.json.decode(first.note or "{}", type=SnapshotRecord)


def snapshot_frame(
    spark: SparkSession, record: SnapshotRecord, *, version: int | None = None
) -> DataFrame:
    """Its rows as built, or at another integer version; erasures create later versions.

    Columns as in `rows_as_of_outcomes`. Raises `TableAbsent`, `VersionAbsent`, `PastRetention`.
    """
    wanted = record.version if version is None else version
    return read_table(spark, record.path, made_by=MADE_BY, version=wanted)


def load_training_set(
    spark: SparkSession, record: SnapshotRecord, *, version: int | None = None
) -> TrainingSet:
    """`snapshot_frame` in memory; equal content gives equal arrays and an equal digest."""
    frame = snapshot_frame(spark, record, version=version)
    return training_set_of(frame, record.feature_names, counts=record.counts)


def check_definitions(record: SnapshotRecord, scenario: Scenario) -> None:
    """Raise `OtherDefinitions` unless the snapshot's features are those of `scenario` today."""
    if record.definitions_digest != scenario.definitions_digest:
        raise OtherDefinitions(
            f"snapshot {record.number} has features of definitions {record.definitions_digest} "
            f"(commit {record.git_commit}), this code has {scenario.definitions_digest}: run "
            f"./spark-submit.sh {MADE_BY} --scenario {scenario.name}, or check out that commit"
        )


def _no_such(number: int) -> str:
    return f"no finished training snapshot {number}"


def _folders(spark: SparkSession, place: DeltaPlace) -> list[int]:
    names = HadoopFiles(spark).names(place.path(FOLDER))
    return sorted(int(name) for name in names if name.isdigit())
