"""What the archive knows of an experiment: logged scores of both versions beside mature labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.proofs.recompute.incarnations import incarnations
from batch.proofs.recompute.logged import (
    LoggedPrediction,
    NotAPredictionId,
    UnreadableMessage,
    checked_epoch,
    decoded,
)
from batch.proofs.recompute.logged_frame import epoch_ms
from batch.records.archived import archived_records, archived_table
from batch.records.limits import EventLimits
from batch.training_sets.event_features import event_features
from batch.training_sets.outcomes import mature, outcomes
from lifecycle.challenge.cases import SLICE_PREFIX, Cases, cases_of
from scenarios.contract.experiment import MARK
from scenarios.contract.scenario import Scenario
from stores.delta.tables import DeltaPlace

_SCHEMA = (
    "entity string, epoch int, partition int, offset bigint, logged_ms bigint, as_of_ms bigint,"
    " scored_ms bigint, experiment string, arm string, propensity double, version string,"
    " score double, threshold double, other_version string, other_score double,"
    " shadow_version string, shadow_score double"
)
_POSITION = ("topic_id", "partition", "offset")


class NoExperiment(RuntimeError):
    """The archive holds no prediction of an experiment, or none of the one that was named."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class EvidenceOptions:
    """What is compared.

    experiment  its id; None: the one with the newest prediction
    band        whose threshold a score must reach to count as an alarm
    now_ms      until when labels are known, UTC epoch ms
    features    those whose slices are looked at
    """

    limits: EventLimits
    experiment: str | None
    band: str
    now_ms: int
    features: Sequence[str] = ()


def evidence(
    spark: SparkSession, place: DeltaPlace, scenario: Scenario, *, options: EvidenceOptions
) -> Cases:
    """The predictions of the experiment that have a mature label, each label once per design.

    Raises `NoExperiment`, and `TableAbsent` when nothing has been archived.
    """
    logged = _logged(spark, place, scenario, options).persist()
    try:
        experiment = _experiment(logged, scenario, options.experiment)
        of_it = logged.where(F.col("experiment") == experiment)
        labels = archived_records(spark, place, "labels", until_ms=options.now_ms)
        outcome_rows = outcomes(labels, scenario.label, options.limits)
        mature_outcomes = mature(outcome_rows, scenario.label, now_ms=options.now_ms).persist()
        if scenario.label.of_event is not None:
            of_it = _with_event_ids(spark, place, scenario, of_it, options.limits)
        frames = {
            "arms": of_it,
            "pairs": of_it.where(F.col("other_version").isNotNull()),
            "shadow": of_it.where(F.col("shadow_version").isNotNull()),
        }
        labelled = {
            name: _labelled(frame, mature_outcomes, scenario).toPandas()
            for name, frame in frames.items()
        }
        counts = of_it.agg(
            F.count("*").alias("predictions"), F.countDistinct("entity").alias("entities")
        ).first()
        mature_outcomes.unpersist()
    finally:
        logged.unpersist()
    predictions = 0 if counts is None else int(counts["predictions"])
    return cases_of(experiment, labelled, predictions=predictions)


def _logged(
    spark: SparkSession, place: DeltaPlace, scenario: Scenario, options: EvidenceOptions
) -> DataFrame:
    """One row per position whose message names an experiment: of several the one logged first.

    A replay by a newer version made the others, when somebody may have acted already.
    """
    messages = archived_table(spark, place, "predictions")
    marked = messages.where(F.contains(F.col("value").cast("string"), F.lit(MARK)))
    task = ExperimentTask(
        scenario=scenario.name,
        topic=scenario.topic("events"),
        band=options.band,
        features=tuple(
            (name, column)
            for column, name in enumerate(scenario.feature_names)
            if name in options.features
        ),
    )
    logged_ms = F.unix_millis(F.min("kafka_time")).alias("logged_ms")
    rows = marked.groupBy("value").agg(logged_ms).mapInArrow(task, task.schema)
    position = ["epoch", "partition", "offset"]
    values = [name for name in rows.columns if name not in position]
    first = F.min_by(F.struct(*values), F.struct("logged_ms", "version")).alias("first")
    return rows.groupBy(*position).agg(first).select(*position, "first.*")


def _experiment(logged: DataFrame, scenario: Scenario, wanted: str | None) -> str:
    rows = logged.groupBy("experiment").agg(F.max("scored_ms").alias("newest")).collect()
    newest = {row["experiment"]: row["newest"] for row in rows}
    if not newest:
        raise NoExperiment(
            f"the archive of {scenario.name} has no prediction of an experiment: deploy a "
            "challenger or a shadow with an experiment, let score_stream run, and run "
            f"./spark-submit.sh archive_stream --scenario {scenario.name} --once"
        )
    if wanted is None:
        return str(max(newest, key=lambda name: newest[name]))
    if wanted not in newest:
        raise NoExperiment(
            f"the archive of {scenario.name} has no prediction of experiment {wanted!r}; it has "
            f"{sorted(newest)}: name one of them by --experiment"
        )
    return wanted


def _with_event_ids(
    spark: SparkSession,
    place: DeltaPlace,
    scenario: Scenario,
    logged: DataFrame,
    limits: EventLimits,
) -> DataFrame:
    """`logged` with the id by which labels name the event of each prediction."""
    topics = incarnations(archived_table(spark, place, "events"))
    folded = event_features(archived_records(spark, place, "events"), scenario, limits)
    ids = folded.where(F.col("event_id") >= 0).select(
        topics.column(F.col("epoch")).alias("topic_id"), "partition", "offset", "event_id"
    )
    placed = logged.withColumn("topic_id", topics.column(F.col("epoch")))
    return placed.join(ids, on=list(_POSITION), how="inner").drop("topic_id")


def _labelled(logged: DataFrame, mature_outcomes: DataFrame, scenario: Scenario) -> DataFrame:
    """One row per outcome: the prediction that it judges, as in `rows_as_of_outcomes`.

    An outcome of an event judges the prediction of that event; one of an entity the entity's last
    prediction that knew of nothing later than the outcome and was made before it was known. Of
    several outcomes of an event the earliest counts, as in `monitoring.matured.labels`.
    """
    on = ["entity"] if scenario.label.of_event is None else ["entity", "event_id"]
    right = mature_outcomes if "event_id" in on else mature_outcomes.drop("event_id")
    before = logged.join(right, on=on, how="inner").where(
        (F.col("as_of_ms") <= F.col("label_time_ms")) & (F.col("scored_ms") <= F.col("known_ms"))
    )
    if scenario.label.of_event is None:
        judged = F.max_by(F.struct(*before.columns), F.struct("epoch", "offset"))
        keys = ["entity", "label_time_ms"]
    else:
        judged = F.min_by(F.struct(*before.columns), F.struct("label_time_ms", "epoch", "offset"))
        keys = on
    return before.groupBy(*keys).agg(judged.alias("judged")).select("judged.*")


@dataclass(frozen=True, kw_only=True)
class ExperimentTask:
    """Decodes the messages of one Spark task that name an experiment.

    features: name and column in the feature row, of those that are wanted
    """

    scenario: str
    topic: str
    band: str
    features: tuple[tuple[str, int], ...]

    @property
    def schema(self) -> str:
        """The columns of its rows."""
        return ", ".join([_SCHEMA, *(f"{SLICE_PREFIX}{name} double" for name, _ in self.features)])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns value and logged_ms to rows of `schema`; other messages give none."""
        extra = [pa.field(f"{SLICE_PREFIX}{name}", pa.float64()) for name, _ in self.features]
        arrow_schema = pa.schema([*_ARROW_SCHEMA, *extra])
        for batch in batches:
            messages, times = (batch.column(name).to_pylist() for name in ("value", "logged_ms"))
            rows = [self._row(message, ms) for message, ms in zip(messages, times, strict=True)]
            yield pa.RecordBatch.from_pylist(
                [row for row in rows if row is not None], schema=arrow_schema
            )

    def _row(self, message: bytes | None, logged_ms: int) -> dict[str, Any] | None:
        try:
            logged = decoded(message)
            if not isinstance(logged, LoggedPrediction) or logged.experiment is None:
                return None
            epoch = checked_epoch(logged, scenario=self.scenario)
        except (UnreadableMessage, NotAPredictionId):  # check_parity counts these
            return None
        if logged.source.topic != self.topic:
            return None
        experiment = logged.experiment
        other, shadow = experiment.other, experiment.shadow
        return {
            "entity": logged.entity,
            "epoch": epoch,
            "partition": logged.source.partition,
            "offset": logged.source.offset,
            "logged_ms": logged_ms,
            "as_of_ms": epoch_ms(logged.features_as_of),
            "scored_ms": epoch_ms(logged.scored_at),
            "experiment": experiment.id,
            "arm": experiment.arm,
            "propensity": experiment.propensity,
            "version": logged.model.version,
            "score": logged.score,
            "threshold": logged.thresholds.get(self.band),
            "other_version": other.version if other else None,
            "other_score": other.score if other else None,
            "shadow_version": shadow.version if shadow else None,
            "shadow_score": shadow.score if shadow else None,
            **{f"{SLICE_PREFIX}{name}": logged.features[column] for name, column in self.features},
        }


_ARROW_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("logged_ms", pa.int64()),
        ("as_of_ms", pa.int64()),
        ("scored_ms", pa.int64()),
        ("experiment", pa.string()),
        ("arm", pa.string()),
        ("propensity", pa.float64()),
        ("version", pa.string()),
        ("score", pa.float64()),
        ("threshold", pa.float64()),
        ("other_version", pa.string()),
        ("other_score", pa.float64()),
        ("shadow_version", pa.string()),
        ("shadow_score", pa.float64()),
    ]
)
