"""Whole periods from the archive: predictions, labels, outcomes and counts, by one query each."""

from collections import defaultdict
from collections.abc import Mapping

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from batch.proofs.recompute.logged_frame import PREDICTION
from batch.records.posted_outcomes import posted_outcomes
from monitoring.cases import HOUR_MS, Ints, Period
from monitoring.matured.acts import acts_of_cases, outcome_dispositions, stated_outcomes
from monitoring.matured.columns import case_columns
from monitoring.matured.counts import (
    REASON,
    arrival_counts,
    arrivals,
    case_counts,
    counts_of_hours,
    disposition_counts,
    message_counts,
    together,
)
from monitoring.matured.device_counts import device_counts
from monitoring.matured.labels import (
    case_key,
    label_dispositions,
    label_records,
    labels_of_cases,
)
from monitoring.matured.options import MaturedOptions
from monitoring.matured.predictions import first_of_position, logged_messages
from monitoring.period_data import PeriodData
from scenarios.contract.scenario import Scenario
from stores.delta.tables import DeltaPlace

_CASE = (
    "arrived_ms",
    "features_as_of",
    "scored_at",
    "score",
    "band",
    "action",
    "control_group",
    "model_version",
    "thresholds",
    "features",
    "definitions",
)


def read_periods(
    spark: SparkSession, place: DeltaPlace, scenario: Scenario, *, options: MaturedOptions
) -> list[PeriodData]:
    """One `PeriodData` for each of `options.periods`, in their order, from three queries.

    An event belongs to the period in which Kafka got it, and so do the prediction about it and its
    case. Records of labels and outcomes are counted in the period in which they arrived, whatever
    they are about: `counts` has "label.DISPOSITION", "outcome.DISPOSITION" (of refused records
    "label.refused.REASON"), "cases", and "sampled" where only so many of them were taken. A label
    that was corrected has its last value, and counts as known from that value's arrival on.

    A case whose features were defined otherwise than the scenario's today has NaN for all of them.
    Raises `TableAbsent` before events and predictions are archived, and `SliceWithoutBands`.
    """
    label = scenario.label
    messages = logged_messages(spark, place, scenario, options).persist()
    label_rows = label_records(spark, place, scenario, options).persist()
    posted = posted_outcomes(spark, place, options.limits, until_ms=options.now_ms).persist()
    try:
        every_prediction = messages.where(F.col("kind") == PREDICTION)
        predictions = first_of_position(every_prediction)
        cases = _cases(predictions, scenario).persist()
        stated = stated_outcomes(posted, every_prediction, label, options)
        is_like_today = _is_like_today(scenario)
        arrived = arrivals(spark, place, options, source_topic=scenario.topic("events"))
        counted = together(
            [
                arrival_counts(arrived, options),
                *message_counts(predictions, messages),
                disposition_counts(
                    label_dispositions(label_rows, predictions, label, options),
                    options,
                    kind="label",
                ),
                disposition_counts(outcome_dispositions(stated, posted), options, kind="outcome"),
                *case_counts(cases, is_like_today=is_like_today),
                device_counts(spark, place, options),
            ]
        )
        counts: dict[int, dict[str, int]] = defaultdict(dict)
        for row in counted.collect():
            counts[row["period"]][row["name"]] = int(row["value"])
        hours = counts_of_hours(arrived, options)
        key = case_key(label)
        sample = _sampled(
            cases, most=options.most_cases, is_like_today=is_like_today, scenario=scenario
        )
        labels = labels_of_cases(cases, label_rows, label, options)
        acts = acts_of_cases(stated, label).withColumn("is_shown", F.lit(True))
        on = [*key, "period"]
        joined = sample.join(labels, on=on, how="left").join(acts, on=on, how="left")
        table = _with_entity_numbers(joined).toArrow()
        cases.unpersist()
    finally:
        for frame in (messages, label_rows, posted):
            frame.unpersist()
    return _period_data(table, counts, hours, scenario, options)


def _part(hours: Mapping[str, Ints], period: Period, options: MaturedOptions) -> dict[str, Ints]:
    first = (period.begin_ms - options.begin_ms) // HOUR_MS
    count = options.length_ms // HOUR_MS
    return {name: values[first : first + count] for name, values in hours.items()}


def _cases(predictions: DataFrame, scenario: Scenario) -> DataFrame:
    """One row per case, with its period: see `monitoring.cases.Cases`."""
    key, label = case_key(scenario.label), scenario.label
    measured = predictions.where(F.col("period").isNotNull())
    if label.of_event is not None:
        measured = measured.where(F.col("event_id").isNotNull())
    select_by = F.max_by if label.of_event is None else F.min_by
    of_case = select_by(F.struct(*_CASE), F.struct("epoch", "offset")).alias("case")
    return measured.groupBy(*key, "period").agg(of_case).select(*key, "period", "case.*")


def _is_like_today(scenario: Scenario) -> Column:
    is_same = F.col("definitions") == scenario.definitions_digest
    return is_same & (F.size("features") == len(scenario.feature_names))


def _sampled(
    cases: DataFrame, *, most: int, is_like_today: Column, scenario: Scenario
) -> DataFrame:
    """At most `most` cases of each period, by a hash of their entities and positions."""
    missing = F.array_repeat(F.lit(float("nan")), len(scenario.feature_names))
    order = Window.partitionBy("period").orderBy(F.xxhash64("entity"), "arrived_ms", "entity")
    numbered = cases.withColumn("number", F.row_number().over(order))
    sample = numbered.where(F.col("number") <= most).drop("number")
    features = F.when(is_like_today, F.col("features")).otherwise(missing)
    return sample.withColumn("features", features).drop("definitions")


def _with_entity_numbers(rows: DataFrame) -> DataFrame:
    """The same entity has the same number wherever it is read."""
    return rows.select(
        "period",
        F.xxhash64("entity").alias("entity"),
        *(name for name in _CASE if name not in ("definitions", "features_as_of", "scored_at")),
        F.col("label").cast("double").alias("label"),
        "counted_ms",
        "is_shown",
        "is_accepted",
        "action_cost",
    )


def _period_data(
    table: pa.Table,
    counts: Mapping[int, Mapping[str, int]],
    hours: Mapping[str, Ints],
    scenario: Scenario,
    options: MaturedOptions,
) -> list[PeriodData]:
    columns = case_columns(
        table, scenario, slices=options.slices, amount_feature=options.amount_feature
    )
    periods = []
    for number, period in enumerate(options.periods):
        rows = columns.places == number
        hours_of_period = _part(hours, period, options)
        of_period = counts.get(number, {})
        reasons = {
            name.removeprefix(REASON): count
            for name, count in of_period.items()
            if name.startswith(REASON)
        }
        others = {name: n for name, n in of_period.items() if not name.startswith(REASON)}
        if others.get("cases", 0) > options.most_cases:
            others["sampled"] = options.most_cases
        always = dict.fromkeys(("events", "predictions", "suppressed", "cases"), 0)
        periods.append(
            PeriodData(
                period=period,
                cases=columns.cases.where(rows),
                features=columns.features[rows],
                feature_names=scenario.feature_names,
                reason_counts=dict(sorted(reasons.items())),
                counts={**always, **dict(sorted(others.items()))},
                hourly_counts=hours_of_period,
            )
        )
    return periods
