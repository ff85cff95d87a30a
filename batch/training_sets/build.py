"""Build a training snapshot from the archive: fold, join, check, write, read back."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.proofs.recompute.incarnations import incarnations
from batch.records.archived import archived_records, archived_table
from batch.records.review_labels import review_labels
from batch.training_sets.acted_on import ActedOn, Acts
from batch.training_sets.event_features import event_features
from batch.training_sets.outcomes import OUTCOME_KEY, mature, outcomes
from batch.training_sets.reviewed import LabelSource, review_counts, rows_of_reviews
from batch.training_sets.rows import TrainingOptions, refusal_counts, rows_as_of_outcomes
from batch.training_sets.second_entities import second_entity_features, with_second_entities
from batch.training_sets.snapshots import SnapshotRecord, load_training_set, next_number, path_of
from batch.training_sets.training_set import TrainingSet, training_set_of
from scenarios.contract.scenario import Scenario
from stores.delta.tables import DeltaPlace, newest_version, write_new_table

Progress = Callable[[str], None]


class AsOfInFuture(ValueError):
    """The as-of time has not come yet, so what is known by then is still open."""

    exit_code = 2


class SnapshotDiffers(RuntimeError):
    """What was read back from the new table is not what was written."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build: `created_at` is UTC, ISO 8601; `git_commit` of the code that folds.

    labels_from: the labels topic, or the verdicts of reviewers.
    acted_on: what becomes of rows of customers that were acted on; None: as `Acts.rule` says. It
    does not concern verdicts of reviewers: they say what a case was, not how it went on.
    """

    scenario: Scenario
    options: TrainingOptions
    created_at: datetime
    git_commit: str
    acted_on: ActedOn | None = None
    labels_from: LabelSource = "labels"

    @property
    def as_of(self) -> str:
        """UTC, ISO 8601."""
        return datetime.fromtimestamp(self.options.as_of_ms / 1000, UTC).isoformat()


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The archive's tables at the integer versions that a build reads.

    events, labels  records with the columns of `ARCHIVED_COLUMNS`
    events_table    the events as the archive holds them
    reviews         `review_labels`
    """

    events: DataFrame
    labels: DataFrame
    events_version: int
    labels_version: int
    acts: Acts
    events_table: DataFrame
    reviews: DataFrame


def sources(spark: SparkSession, place: DeltaPlace, *, as_of_ms: int) -> Sources:
    """Events and labels that Kafka had by `as_of_ms`, pinned; raises `TableAbsent`."""
    versions = {
        kind: newest_version(spark, place.path(kind), made_by="archive_stream")
        for kind in ("events", "labels")
    }
    frames = {
        kind: archived_records(spark, place, kind, version=version, until_ms=as_of_ms)
        for kind, version in versions.items()
    }
    return Sources(
        events=frames["events"],
        labels=frames["labels"],
        events_version=versions["events"],
        labels_version=versions["labels"],
        acts=Acts(spark, place, as_of_ms=as_of_ms),
        events_table=archived_table(spark, place, "events", version=versions["events"]),
        reviews=review_labels(spark, place, until_ms=as_of_ms),
    )


def rule_of(archive: Sources, build: Build) -> ActedOn:
    """What becomes of rows of customers that were acted on in this build."""
    if build.labels_from == "reviews":
        return "keep"
    return archive.acts.rule(build.scenario, build.acted_on)


def check_as_of(build: Build) -> None:
    """Raise `AsOfInFuture` unless the as-of time has passed: labels would mature too early."""
    if build.options.as_of_ms > build.created_at.timestamp() * 1000:
        raise AsOfInFuture(f"as-of {build.as_of} is in the future; it is {build.created_at}")


def rows_and_counts(
    archive: Sources, build: Build, *, progress: Progress
) -> tuple[DataFrame, Mapping[str, int]]:
    """The snapshot's rows (cached in Spark) and what became of every record."""
    scenario, options = build.scenario, build.options
    progress("folding the archived events")
    began = time.monotonic()
    folded = event_features(archive.events, scenario, options.limits).persist()
    if build.labels_from == "reviews":
        return _reviewed_rows_and_counts(archive, build, folded)
    outcome_rows = outcomes(archive.labels, scenario.label, options.limits).persist()
    mature_outcomes = mature(outcome_rows, scenario.label, now_ms=options.as_of_ms).persist()
    counts = {**_record_counts("event", folded), **_record_counts("label", outcome_rows)}
    seconds = time.monotonic() - began
    progress(
        f"folded {counts['events']:,} events in {seconds:.1f} s "
        f"({counts['events'] / seconds:,.0f}/s); joining {counts['labels']:,} labels"
    )
    looked_up = second_entity_features(
        archive.events, archive.labels, folded, scenario, options.limits
    )
    rows = rows_as_of_outcomes(
        folded, mature_outcomes, scenario, test_fraction=options.test_fraction
    )
    every_row = with_second_entities(rows, looked_up).persist()
    counts |= _label_counts(folded, outcome_rows, mature_outcomes, every_row)
    rows, acted_on_counts = archive.acts.applied(
        every_row, scenario, options.limits, rule=rule_of(archive, build)
    )
    return rows, {**counts, **acted_on_counts}


def _reviewed_rows_and_counts(
    archive: Sources, build: Build, folded: DataFrame
) -> tuple[DataFrame, Mapping[str, int]]:
    scenario, options = build.scenario, build.options
    looked_up = second_entity_features(
        archive.events, archive.labels, folded, scenario, options.limits
    )
    reviews = archive.reviews.persist()
    own_rows = rows_of_reviews(
        folded,
        reviews,
        scenario,
        incarnations(archive.events_table),
        test_fraction=options.test_fraction,
    )
    rows = with_second_entities(own_rows, looked_up).persist()
    return rows, {**_record_counts("event", folded), **review_counts(reviews, rows)}


def write_snapshot(
    spark: SparkSession,
    place: DeltaPlace,
    build: Build,
    archive: Sources,
    *,
    rows: DataFrame,
    counts: Mapping[str, int],
    progress: Progress,
) -> tuple[SnapshotRecord, TrainingSet]:
    """Write `rows` as the next snapshot and read it back; raises `SnapshotDiffers`."""
    names = build.scenario.feature_names
    training_set = training_set_of(rows, names, counts=counts)
    number = next_number(spark, place)
    record = SnapshotRecord(
        scenario=build.scenario.name,
        number=number,
        path=path_of(place, number),
        as_of=build.as_of,
        events_version=archive.events_version,
        labels_version=archive.labels_version,
        definitions_digest=build.scenario.definitions_digest,
        feature_names=names,
        test_fraction=build.options.test_fraction,
        rows=len(training_set.entities),
        rows_digest=training_set.digest,
        counts=dict(training_set.counts),
        created_at=build.created_at.isoformat(timespec="seconds"),
        git_commit=build.git_commit,
        acted_on=rule_of(archive, build),
        labels_from=build.labels_from,
    )
    progress(f"writing {record.rows:,} rows to {record.path}")
    note = msgspec.json.encode(record).decode()
    write_new_table(rows, record.path, place=place, note=note)
    stored = load_training_set(spark, record)
    if stored.digest != training_set.digest:
        raise SnapshotDiffers(
            f"{record.path} reads back with digest {stored.digest}, written was "
            f"{training_set.digest}"
        )
    return record, stored


def _record_counts(kind: str, frame: DataFrame) -> dict[str, int]:
    refused = refusal_counts(frame)
    valid = frame.where("refusal is null").count()
    by_reason = {f"{kind}s_refused_{code}": count for code, count in sorted(refused.items())}
    return {f"{kind}s": valid, f"{kind}s_refused": sum(refused.values()), **by_reason}


def _label_counts(
    folded: DataFrame, outcome_rows: DataFrame, mature_outcomes: DataFrame, rows: DataFrame
) -> dict[str, int]:
    """What became of the labels; each reason for which one gives no row is counted."""
    valid = outcome_rows.where("refusal is null")
    outcomes_ = valid.select(*OUTCOME_KEY).distinct().count()
    sums = mature_outcomes.agg(
        F.count("*").alias("mature"),
        F.sum(F.col("records") - 1).alias("repeated"),
        F.sum(F.col("is_contradicted").cast("int")).alias("contradicted"),
    ).first()
    entities = folded.where("refusal is null").select("entity").distinct()
    of_strangers = mature_outcomes.join(entities, on="entity", how="left_anti").count()
    mature_, used = int(sums["mature"]) if sums else 0, rows.count()
    return {
        "outcomes": outcomes_,
        "outcomes_not_mature": outcomes_ - mature_,
        "outcomes_told_again": int(sums["repeated"] or 0) if sums else 0,
        "outcomes_contradicted_last_counts": int(sums["contradicted"] or 0) if sums else 0,
        "outcomes_of_unknown_entities": of_strangers,
        "outcomes_before_any_usable_event": mature_ - of_strangers - used,
        "rows": used,
    }
