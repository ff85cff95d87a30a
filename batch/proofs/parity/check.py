"""Does the archive reproduce every prediction to the last bit? Counted per feature, with places.

Events are folded offline by the stream's own fold, scored and decided by the model version and the
policy of that time, and compared with the logged predictions.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.proofs.parity.compare import CompareTask
from batch.proofs.parity.report import ParityReport, report_of
from batch.proofs.parity.rows import Horizon, arrived_on, parity_rows, unscorable_places
from batch.proofs.parity.tally import SCHEMA
from batch.proofs.recompute.entity_share import EntityShare
from batch.proofs.recompute.incarnations import incarnations
from batch.proofs.recompute.logged_frame import logged_rows
from batch.proofs.recompute.rejudging import ModelLoader
from batch.records.archived import MADE_BY, archived_records, archived_table
from batch.records.limits import EventLimits
from batch.training_sets.event_features import event_features
from scenarios.contract.scenario import Scenario
from stores.delta.tables import DeltaPlace, newest_version

TABLE = "parity"
_MS_PER_DAY = 86_400_000


@dataclass(frozen=True, kw_only=True)
class ParityOptions:
    """What is checked.

    share            of the entities, selected by hash (0 to 1]
    day              UTC day on which the events arrived; None: all days
    settle_seconds   what came this shortly before the archive's newest message may be on its way
    most_faults      how many places are named
    """

    limits: EventLimits
    share: float
    day: date | None
    settle_seconds: float
    most_faults: int

    @property
    def salt_suffix(self) -> str:
        """Other entities every day, the same ones when a day is checked again."""
        return "all" if self.day is None else self.day.isoformat()

    @property
    def bounds_ms(self) -> tuple[int, int] | None:
        """The day as [begin, end) in UTC epoch milliseconds."""
        if self.day is None:
            return None
        midnight = datetime.combine(self.day, time(), UTC)
        begin = int(midnight.timestamp() * 1000)
        return begin, begin + _MS_PER_DAY


@dataclass(frozen=True, kw_only=True)
class _Archive:
    """One state of the archive: later appends change nothing."""

    spark: SparkSession
    place: DeltaPlace
    events_version: int
    predictions_version: int
    dead_letters_version: int

    def events(self) -> DataFrame:
        return archived_table(self.spark, self.place, "events", version=self.events_version)

    def dead_letters(self) -> DataFrame:
        version = self.dead_letters_version
        return archived_table(self.spark, self.place, "dead-letter", version=version)

    def predictions(self) -> DataFrame:
        return archived_table(
            self.spark, self.place, "predictions", version=self.predictions_version
        )


def check_parity(
    spark: SparkSession,
    place: DeltaPlace,
    scenario: Scenario,
    load_model: ModelLoader,
    *,
    options: ParityOptions,
) -> ParityReport:
    """Compare everything that `options` select; `load_model` must be picklable.

    Raises `TableAbsent` when nothing has been archived yet.
    """
    archive = _pinned(spark, place)
    rows = _rows(archive, scenario, options)
    task = CompareTask(scenario=scenario, load_model=load_model, most_faults=options.most_faults)
    tallies = rows.mapInArrow(task, SCHEMA).cache()
    try:
        return report_of(
            tallies,
            scenario,
            checked_at=datetime.now(UTC),
            day=options.day,
            share=options.share,
            most_faults=options.most_faults,
            versions=(archive.events_version, archive.predictions_version),
        )
    finally:
        tallies.unpersist()


def append_report(spark: SparkSession, place: DeltaPlace, report: ParityReport) -> None:
    """Append one row per feature and field of `report` to the table `parity`."""
    checked_at = datetime.fromisoformat(report.checked_at)
    day = None if report.day is None else date.fromisoformat(report.day)
    rows = [
        (checked_at, day, report.share, column.name, column.equal, column.different, column.missing)
        for column in report.columns
    ]
    frame = spark.createDataFrame(
        rows,
        "checked_at timestamp, day date, share double, feature string, equal bigint,"
        " different bigint, missing bigint",
    )
    writer = frame.coalesce(1).write.format("delta").mode("append").options(**place.properties)
    writer.save(place.path(TABLE))


def _pinned(spark: SparkSession, place: DeltaPlace) -> _Archive:
    # Outcomes first: the events, read later, include every event that an outcome is about.
    newest = {
        kind: newest_version(spark, place.path(kind), made_by=MADE_BY)
        for kind in ("dead-letter", "predictions", "events")
    }
    return _Archive(
        spark=spark,
        place=place,
        events_version=newest["events"],
        predictions_version=newest["predictions"],
        dead_letters_version=newest["dead-letter"],
    )


def _rows(archive: _Archive, scenario: Scenario, options: ParityOptions) -> DataFrame:
    salt = f"{scenario.name}:parity:{options.salt_suffix}"
    share = EntityShare(share=options.share, salt=salt)
    events, predictions = archive.events(), archive.predictions()
    horizon = _horizon(events, predictions, options.settle_seconds)
    bounds = options.bounds_ms
    records = archived_records(
        archive.spark,
        archive.place,
        "events",
        version=archive.events_version,
        until_ms=None if bounds is None else bounds[1] - 1,
    )
    if options.day is not None:
        # A message is never older than its event; a day is a partition of the table.
        predictions = predictions.where(F.col("day") >= F.lit(options.day - timedelta(days=1)))
    messages = share.of(predictions.select("key", "value", "kafka_time"))
    rows = parity_rows(
        event_features(share.of(records), scenario, options.limits),
        logged_rows(messages, scenario=scenario.name, topic=scenario.topic("events")),
        scenario,
        unscorable=unscorable_places(archive.dead_letters(), topic=scenario.topic("events")),
        incarnations=incarnations(events),
        horizon=horizon,
    )
    return rows if bounds is None else arrived_on(rows, begin_ms=bounds[0], end_ms=bounds[1])


def _horizon(events: DataFrame, predictions: DataFrame, settle_seconds: float) -> Horizon:
    settle_ms = round(settle_seconds * 1000)
    newest = [
        frame.agg(F.unix_millis(F.max("kafka_time")).alias("newest")).first()
        for frame in (events, predictions)
    ]
    ends = [0 if row is None or row["newest"] is None else int(row["newest"]) for row in newest]
    return Horizon(events_ms=ends[0] - settle_ms, predictions_ms=ends[1] - settle_ms)
